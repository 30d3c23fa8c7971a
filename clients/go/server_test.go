package rerankd

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// How long anything a test waits for may take before it counts as a hang.
const patience = 2 * time.Minute

// server is the real program (RERANKD_PROGRAM) in a process of its own, and its log.
type server struct {
	t       *testing.T
	address string
	process *exec.Cmd
	mutex   sync.Mutex
	log     []string
	changed chan struct{} // closed and made anew with each line
}

// startServer serves the default model on a Unix socket, one call at a time.
func startServer(t *testing.T) *server {
	t.Helper()
	folder, err := os.MkdirTemp("", "rerankd") // t.TempDir() is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	return startServerAt(t, "unix:"+filepath.Join(folder, "socket"))
}

// startServerAt does so at an address; at port 0: a free one. The test fails when the server does not
// end well: status 1 would mean that a call still ran after the grace period.
func startServerAt(t *testing.T, address string) *server {
	t.Helper()
	program := os.Getenv("RERANKD_PROGRAM")
	if program == "" {
		t.Skip("RERANKD_PROGRAM does not name the server; run the test through ctest")
	}
	s := &server{t: t, changed: make(chan struct{})}
	s.process = exec.Command(program, "--listen", address, "--max-concurrent-requests", "1", "--log-level", "debug")
	for _, variable := range os.Environ() { // not the settings of a server of the tester's own
		if !strings.HasPrefix(variable, "RERANKD_") {
			s.process.Env = append(s.process.Env, variable)
		}
	}
	output, err := s.process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		for lines := bufio.NewScanner(output); lines.Scan(); {
			s.mutex.Lock()
			s.log = append(s.log, lines.Text())
			close(s.changed)
			s.changed = make(chan struct{})
			s.mutex.Unlock()
		}
	}()
	t.Cleanup(func() {
		s.process.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(patience, func() { s.process.Process.Kill() })
		defer kill.Stop()
		if err := s.process.Wait(); err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	_, s.address, _ = strings.Cut(s.waitFor("serving: address="), "address=")
	s.address, _, _ = strings.Cut(s.address, " ")
	return s
}

// logged returns the first line of the log that holds all of the texts; "" when there is none yet.
func (s *server) logged(texts ...string) string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, line := range s.log {
		if !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(line, text) }) {
			return line
		}
	}
	return ""
}

// waitFor returns the first line of the log that holds all of the texts, once it is there.
func (s *server) waitFor(texts ...string) string {
	s.t.Helper()
	timeout := time.After(patience)
	for {
		s.mutex.Lock()
		changed := s.changed
		s.mutex.Unlock()
		if line := s.logged(texts...); line != "" {
			return line
		}
		select {
		case <-changed:
		case <-timeout:
			s.t.Fatalf("the log has no line with %q", texts)
		}
	}
}
