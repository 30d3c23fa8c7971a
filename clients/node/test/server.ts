import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";

/** The real program (RERANKD_PROGRAM) in a process of its own, and its log. */
export class RerankServer {
  private readonly log: string[] = [];
  private readonly waiting = new Set<() => void>();

  /** Where it serves. */
  address = "";

  private constructor(process: ChildProcess) {
    createInterface({ input: process.stdout! }).on("line", (line) => {
      this.log.push(line);
      for (const check of this.waiting) check();
    });
  }

  /** Serves the default model on a Unix socket, or at `listen`, one call at a time, until the test is over. The
   * test fails when the server does not end well: status 1 means that a call still ran after the grace period. */
  static async start(t: TestContext, listen?: string): Promise<RerankServer> {
    const program = process.env.RERANKD_PROGRAM;
    if (!program) throw new Error("RERANKD_PROGRAM does not name the server; run the test through ctest");
    const folder = mkdtempSync(join(tmpdir(), "rerankd"));
    // Not the settings of a server of the tester's own.
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("RERANKD_")));
    const child = spawn(
      program, [
        "--listen", listen ?? `unix:${join(folder, "socket")}`, "--max-concurrent-requests", "1", "--log-level", "debug",
      ],
      { env, stdio: ["ignore", "pipe", "inherit"] });
    const ended = new Promise<number | null>((resolve) => child.on("exit", resolve));
    t.after(async () => {
      child.kill("SIGTERM");
      const code = await ended;
      rmSync(folder, { recursive: true });
      if (code !== 0) throw new Error(`the server ended with ${code}`);
    });
    const server = new RerankServer(child);
    server.address = /address=(\S+)/.exec(await server.waitFor("serving: address="))![1];
    return server;
  }

  /** The first line of the log that holds all of the texts, if there is one yet. */
  logged(...texts: string[]): string | undefined {
    return this.log.find((line) => texts.every((text) => line.includes(text)));
  }

  /** Resolves to the first line of the log that holds all of the texts, once it is there. */
  waitFor(...texts: string[]): Promise<string> {
    return new Promise((resolve) => {
      const check = () => {
        const line = this.logged(...texts);
        if (line === undefined) return;
        this.waiting.delete(check);
        resolve(line);
      };
      this.waiting.add(check);
      check();
    });
  }
}
