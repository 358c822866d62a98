#!/usr/bin/env bash
# llama.cpp on the processors of this machine: builds it for them, and measures what `longhand models bench` measures.
#
#   benches/peers/llamacpp.sh DIR MODEL.gguf [THREADS]
#
# The source is that of a package of Python's index. Beside the file as it is, its weights are measured as Q4_0, for which
# llama.cpp has its fastest kernels. DIR keeps what was built; each line is tokens a second, the mean of three rounds.
set -euo pipefail
dir=$(mkdir -p "${1:?usage: llamacpp.sh DIR MODEL.gguf [THREADS]}" && cd "$1" && pwd)
model=${2:?usage: llamacpp.sh DIR MODEL.gguf [THREADS]}
threads=${3:-$(nproc)}
version=0.3.36

if [ ! -x "$dir/build/bin/llama-bench" ]; then
  python3 -m venv "$dir/venv"
  "$dir/venv/bin/pip" -q install cmake ninja scikit-build-core
  "$dir/venv/bin/pip" -q download --no-deps --no-binary :all: --no-build-isolation -d "$dir" "llama-cpp-python==$version"
  tar xzf "$dir/llama_cpp_python-$version.tar.gz" -C "$dir"
  export PATH="$dir/venv/bin:$PATH"
  cmake -S "$dir/llama_cpp_python-$version/vendor/llama.cpp" -B "$dir/build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DGGML_NATIVE=ON -DLLAMA_CURL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DBUILD_SHARED_LIBS=OFF
  ninja -C "$dir/build" llama-bench llama-batched-bench llama-quantize llama-server llama-perplexity
fi
bin=$dir/build/bin
[ -f "$dir/q4_0.gguf" ] || "$bin/llama-quantize" --allow-requantize "$model" "$dir/q4_0.gguf" Q4_0 "$threads" >/dev/null 2>&1

for file in "$model" "$dir/q4_0.gguf"; do
  echo "== $file"
  "$bin/llama-bench" -m "$file" -t "$threads" -fa 1 -r 3 -p 512,2048,6000 -n 0 2>/dev/null | grep -E "pp[0-9]"
  "$bin/llama-bench" -m "$file" -t "$threads" -fa 1 -r 3 -p 0 -n 64 -d 512 2>/dev/null | grep -E "tg[0-9]"
  "$bin/llama-batched-bench" -m "$file" -t "$threads" -fa on -c 20480 -npp 512 -ntg 64 -npl 1,4,8,32 2>/dev/null | grep -E "^\|"
done
