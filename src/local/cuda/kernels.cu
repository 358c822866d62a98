// The kernels of a pass on a graphics processor. Compiled by build.rs for processors of the generation that candle's kernels
// are compiled for; loaded by `kernels.rs`, whose signatures are these.
//
// A step has `rows` rows, one for each token of each span. Weights, keys and values are bf16; the residual stream and all
// sums are f32. Every output is computed by a fixed order of operations that does not depend on the other rows, except where
// cuBLAS multiplies.

#include <cuda_bf16.h>
#include <stdint.h>

typedef __nv_bfloat16 bf16;

constexpr int PAGE = 64;    // positions of a page
constexpr int SINGLE = 8;   // the most rows of a span that `attend_rows` computes

// Lets the next kernel begin as soon as every block of this one has, so that it can read what this one does not write; and waits
// for what the one before wrote. Both do nothing where a kernel was launched without that, or by a processor that cannot.
__device__ __forceinline__ void release_next() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;");
#endif
}
__device__ __forceinline__ void await_previous() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

__device__ __forceinline__ float2 floats(uint32_t pair) {
  // The upper half of a float is a bf16.
  return make_float2(__uint_as_float(pair << 16), __uint_as_float(pair & 0xffff0000u));
}

__device__ __forceinline__ uint32_t pair_of(float low, float high) {
  __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
  return *reinterpret_cast<uint32_t*>(&pair);
}

__device__ __forceinline__ float warp_sum(float value) {
  for (int lane = 16; lane > 0; lane >>= 1) value += __shfl_xor_sync(~0u, value, lane);
  return value;
}

__device__ __forceinline__ float warp_max(float value) {
  for (int lane = 16; lane > 0; lane >>= 1) value = fmaxf(value, __shfl_xor_sync(~0u, value, lane));
  return value;
}

// Sums over a block of at most 32 warps; every thread gets the sum.
__device__ float block_sum(float value) {
  __shared__ float sums[32];
  const int warp = threadIdx.x / 32, warps = blockDim.x / 32;
  value = warp_sum(value);
  if (threadIdx.x % 32 == 0) sums[warp] = value;
  __syncthreads();
  float total = 0;
  for (int i = 0; i < warps; i++) total += sums[i];
  __syncthreads();
  return total;
}

// x[row] = table[tokens[row]] * scale. One block a row.
extern "C" __global__ void embed(float* x, const bf16* table, const uint32_t* tokens, int width, float scale) {
  release_next();
  await_previous();
  const int row = blockIdx.x;
  const bf16* from = table + (size_t)tokens[row] * width;
  for (int i = threadIdx.x; i < width; i += blockDim.x) x[(size_t)row * width + i] = __bfloat162float(from[i]) * scale;
}

// out[row] = x[from[row]] / rms * weight; `from` may be null for all rows in order. One block a row.
extern "C" __global__ void rms_norm(bf16* out, const float* x, const float* weight, const int* from, int width, float epsilon) {
  release_next();
  await_previous();
  const int row = blockIdx.x, fours = width / 4;
  const float4* in = reinterpret_cast<const float4*>(x + (size_t)(from ? from[row] : row) * width);
  float squares = 0;
  for (int i = threadIdx.x; i < fours; i += blockDim.x) {
    const float4 four = in[i];
    squares += four.x * four.x + four.y * four.y + four.z * four.z + four.w * four.w;
  }
  const float factor = rsqrtf(block_sum(squares) / width + epsilon);
  for (int i = threadIdx.x; i < fours; i += blockDim.x) {
    const float4 four = in[i], by = reinterpret_cast<const float4*>(weight)[i];
    reinterpret_cast<uint2*>(out + (size_t)row * width)[i] =
        make_uint2(pair_of(four.x * factor * by.x, four.y * factor * by.y), pair_of(four.z * factor * by.z, four.w * factor * by.w));
  }
}

// out[row][i] = silu(gate_up[row][i]) * gate_up[row][width + i]; eight numbers a thread.
extern "C" __global__ void swiglu(bf16* out, const bf16* gate_up, int width) {
  release_next();
  await_previous();
  const int at = (blockIdx.x * blockDim.x + threadIdx.x) * 8;
  if (at >= width) return;
  const size_t row = blockIdx.y;
  const uint4 gates = *reinterpret_cast<const uint4*>(gate_up + row * 2 * width + at);
  const uint4 ups = *reinterpret_cast<const uint4*>(gate_up + row * 2 * width + width + at);
  const uint32_t* gate = reinterpret_cast<const uint32_t*>(&gates);
  const uint32_t* up = reinterpret_cast<const uint32_t*>(&ups);
  uint4 result;
  uint32_t* to = reinterpret_cast<uint32_t*>(&result);
  for (int i = 0; i < 4; i++) {
    const float2 g = floats(gate[i]), u = floats(up[i]);
    to[i] = pair_of(g.x / (1 + __expf(-g.x)) * u.x, g.y / (1 + __expf(-g.y)) * u.y);
  }
  *reinterpret_cast<uint4*>(out + row * width + at) = result;
}

// Takes the rows that `from` lists out of `x` and out of `mixed`. One block a row.
extern "C" __global__ void take_rows(float* x_out, const float* x, bf16* mixed_out, const bf16* mixed, const int* from, int width,
                                     int mixed_width) {
  release_next();
  await_previous();
  const size_t to = blockIdx.x, row = from[blockIdx.x];
  for (int i = threadIdx.x; i < width; i += blockDim.x) x_out[to * width + i] = x[row * width + i];
  for (int i = threadIdx.x; i < mixed_width; i += blockDim.x) mixed_out[to * mixed_width + i] = mixed[row * mixed_width + i];
}

// best[row] = the index of the largest logit, the first of several; -1 where one is not a number. One block a row.
extern "C" __global__ void likeliest(int* best, const float* logits, int width) {
  __shared__ float tops[32];
  __shared__ int places[32];
  __shared__ bool broken;
  release_next();
  await_previous();
  if (threadIdx.x == 0) broken = false;
  __syncthreads();
  const float* from = logits + (size_t)blockIdx.x * width;
  float top = -INFINITY;
  int place = width;
  for (int i = threadIdx.x; i < width; i += blockDim.x) {
    const float logit = from[i];
    if (isnan(logit)) broken = true;
    if (logit > top) top = logit, place = i;
  }
  const auto better = [&](float other, int at) {
    if (other > top || (other == top && at < place)) top = other, place = at;
  };
  for (int lane = 16; lane > 0; lane >>= 1)
    better(__shfl_xor_sync(~0u, top, lane), __shfl_xor_sync(~0u, place, lane));
  if (threadIdx.x % 32 == 0) tops[threadIdx.x / 32] = top, places[threadIdx.x / 32] = place;
  __syncthreads();
  if (threadIdx.x > 0) return;
  for (int i = 1; i < blockDim.x / 32; i++) better(tops[i], places[i]);
  best[blockIdx.x] = broken ? -1 : place;
}

// Adds `bias` to rows.
extern "C" __global__ void add_bias(bf16* rows, const float* bias, int width) {
  release_next();
  await_previous();
  const int at = blockIdx.x * blockDim.x + threadIdx.x;
  if (at >= width) return;
  bf16* to = rows + (size_t)blockIdx.y * width + at;
  *to = __float2bfloat16(__bfloat162float(*to) + bias[at]);
}

// Turns queries and keys by the angles of their positions, in f32, and keeps keys and values in their pages.
//
// qkv: [rows][heads + 2 * kv_heads][D]; queries stay in it. One warp a head. `halves` is 1 where a number is turned together
// with the one half a head further on, 0 where with its neighbour. `q_norm` and `k_norm` may be null.
// Keys and values: [pages][kv_heads][PAGE][D]. tables: [sequences][table_width] of page numbers.
extern "C" __global__ void turn_and_keep(bf16* qkv, bf16* keys, bf16* values, const float* cosines, const float* sines,
                                         const int* positions, const int* sequences, const int* tables, int table_width,
                                         int heads, int kv_heads, int D, int halves, const float* q_norm,
                                         const float* k_norm, float epsilon) {
  extern __shared__ float shared[];
  release_next();
  const int row = blockIdx.x, warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const int head = blockIdx.y * (blockDim.x / 32) + warp;
  if (head >= heads + 2 * kv_heads) return;
  // What a step is told was there before its first kernel.
  const int position = positions[row];
  bf16* from = qkv + ((size_t)row * (heads + 2 * kv_heads) + head) * D;
  const int kv = head < heads ? -1 : (head - heads) % kv_heads;
  const bool value = head >= heads + kv_heads;
  bf16* to = from;
  if (kv >= 0) {
    const int page = tables[sequences[row] * table_width + position / PAGE];
    to = (value ? values : keys) + (((size_t)page * kv_heads + kv) * PAGE + position % PAGE) * D;
  }
  await_previous();
  if (value) {
    for (int i = lane; i < D; i += 32) to[i] = from[i];
    return;
  }
  float* numbers = shared + warp * D;
  float squares = 0;
  for (int i = lane; i < D; i += 32) {
    numbers[i] = __bfloat162float(from[i]);
    squares += numbers[i] * numbers[i];
  }
  const float* norm = kv < 0 ? q_norm : k_norm;
  if (norm) {
    const float factor = rsqrtf(warp_sum(squares) / D + epsilon);
    for (int i = lane; i < D; i += 32) numbers[i] *= factor * norm[i];
  }
  __syncwarp();
  const int half = D / 2;
  for (int i = lane; i < half; i += 32) {
    const int first = halves ? i : 2 * i, second = halves ? i + half : 2 * i + 1;
    const float c = cosines[(size_t)position * half + i], s = sines[(size_t)position * half + i];
    const float a = numbers[first], b = numbers[second];
    to[first] = __float2bfloat16(a * c - b * s);
    to[second] = __float2bfloat16(a * s + b * c);
  }
}

__device__ __forceinline__ void multiply(float* sums, const uint32_t* a, uint32_t b0, uint32_t b1) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3},{%4,%5,%6,%7},{%8,%9},{%0,%1,%2,%3};"
               : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// Attention of single rows: each block mixes some pages of one row and one head of keys, for the G heads of queries that share it,
// which stand as rows of a tile; its four warps have 16 positions of every page each. The last block of a row and head to end joins
// what all have mixed, in order. Grid: (blocks, kv_heads, rows); 128 threads.
//
// Keys are multiplied as they lie: the numbers of a head are taken in an order in which a thread's eight stand side by side, in
// queries and keys alike. Values are turned around in registers, eight by eight; what a thread gets stands for the same numbers.
//
// singles: [rows] of {row, position, sequence, -}. parts: [rows][heads][blocks] of {maximum, sum, D numbers}. ended:
// [rows][kv_heads] of zeros, which are zeros again afterwards.
template <int D, int G>
__device__ void attend_rows(bf16* out, float* parts, int* ended, const bf16* qkv, const bf16* keys, const bf16* values,
                            const int4* singles, const int* tables, int table_width, int kv_heads, int window, float scale) {
  constexpr int WIDE = D / 32;  // pieces of 32 numbers, of which a thread has eight
  __shared__ float mixed[4][G][D];
  __shared__ float tops[4][G], sums[4][G];
  __shared__ bool last;
  release_next();
  // What the step is told was there before its first kernel, and so were all keys and values but those of its own rows: they
  // do not depend on the kernel before.
  const int4 single = singles[blockIdx.z];
  const int row = single.x, position = single.y, end = position + 1;
  const int kv = blockIdx.y, thread = threadIdx.x, warp = thread / 32, lane = thread % 32, g = lane / 4, t = lane % 4;
  const int oldest = window > 0 && end > window ? end - window : 0;
  const int begin = oldest / PAGE, pages = position / PAGE + 1 - begin;
  // As many blocks as there are, and two pages each at least.
  const int each = max(2, (pages + gridDim.x - 1) / gridDim.x), blocks = (pages + each - 1) / each;
  const int heads = kv_heads * G, stride = heads + 2 * kv_heads;
  const int* table = tables + single.z * table_width;
  const int first = begin + blockIdx.x * each, over = min(first + each, begin + pages);

  uint4 key[2][WIDE], value[2][WIDE];
  const auto fetch = [&](int page) {
    const size_t kept = ((size_t)table[page] * kv_heads + kv) * PAGE * D + t * 8;
    const int most = min(PAGE, end - page * PAGE) - 1;
#pragma unroll
    for (int h = 0; h < 2; h++)
#pragma unroll
      for (int i = 0; i < WIDE; i++) {
        const size_t at = kept + (size_t)min(warp * 16 + h * 8 + g, most) * D + i * 32;
        key[h][i] = *reinterpret_cast<const uint4*>(keys + at);
        value[h][i] = *reinterpret_cast<const uint4*>(values + at);
      }
  };
  const bool some = blockIdx.x < blocks, early = some && (first + 1) * PAGE <= position - SINGLE;
  if (early) fetch(first);
  await_previous();
  if (!some) return;
  if (!early) fetch(first);
  uint4 query[WIDE];
#pragma unroll
  for (int i = 0; i < WIDE; i++)
    query[i] = *reinterpret_cast<const uint4*>(qkv + ((size_t)row * stride + kv * G + min(g, G - 1)) * D + i * 32 + t * 8);
  float mix[WIDE][4][4];
#pragma unroll
  for (int i = 0; i < WIDE; i++)
#pragma unroll
    for (int j = 0; j < 4; j++) mix[i][j][0] = mix[i][j][1] = mix[i][j][2] = mix[i][j][3] = 0;
  float top = -INFINITY, sum = 0;
  const float scale2 = scale * 1.4426950408889634f;  // exponentials are powers of two
  for (int page = first; page < over; page++) {
    float scores[2][4];
#pragma unroll
    for (int h = 0; h < 2; h++) {
      scores[h][0] = scores[h][1] = scores[h][2] = scores[h][3] = 0;
#pragma unroll
      for (int i = 0; i < WIDE; i++) {
        const uint32_t one[4] = {query[i].x, 0, query[i].y, 0}, two[4] = {query[i].z, 0, query[i].w, 0};
        multiply(scores[h], one, key[h][i].x, key[h][i].y);
        multiply(scores[h], two, key[h][i].z, key[h][i].w);
      }
    }
    float highest = top;
#pragma unroll
    for (int h = 0; h < 2; h++)
#pragma unroll
      for (int j = 0; j < 2; j++) {
        const int at = page * PAGE + warp * 16 + h * 8 + t * 2 + j;
        if (at >= end || at < oldest) scores[h][j] = -INFINITY;
        highest = fmaxf(highest, scores[h][j]);
      }
    highest = fmaxf(highest, __shfl_xor_sync(~0u, highest, 1));
    highest = fmaxf(highest, __shfl_xor_sync(~0u, highest, 2));
    const float shift = highest == -INFINITY ? 0 : highest * scale2, factor = exp2f(top * scale2 - shift);
    top = highest;
    float weights[2][2];
#pragma unroll
    for (int h = 0; h < 2; h++)
#pragma unroll
      for (int j = 0; j < 2; j++) weights[h][j] = exp2f(scores[h][j] * scale2 - shift);
    sum = sum * factor + weights[0][0] + weights[0][1] + weights[1][0] + weights[1][1];
    const uint32_t p[4] = {pair_of(weights[0][0], weights[0][1]), 0, pair_of(weights[1][0], weights[1][1]), 0};
#pragma unroll
    for (int i = 0; i < WIDE; i++) {
      const uint32_t* low = reinterpret_cast<const uint32_t*>(&value[0][i]);
      const uint32_t* high = reinterpret_cast<const uint32_t*>(&value[1][i]);
#pragma unroll
      for (int j = 0; j < 4; j++) {
        uint32_t b0, b1;
        asm volatile("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;" : "=r"(b0) : "r"(low[j]));
        asm volatile("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;" : "=r"(b1) : "r"(high[j]));
        mix[i][j][0] *= factor;
        mix[i][j][1] *= factor;
        multiply(mix[i][j], p, b0, b1);
      }
    }
    if (page + 1 < over) fetch(page + 1);
  }
  sum += __shfl_xor_sync(~0u, sum, 1);
  sum += __shfl_xor_sync(~0u, sum, 2);
  // Of a tile's eight columns, a thread has two; they are numbers 2 * j and 2 * j + 1 of the eight that thread t of the keys has.
  if (g < G) {
#pragma unroll
    for (int i = 0; i < WIDE; i++)
#pragma unroll
      for (int j = 0; j < 4; j++) {
        mixed[warp][g][i * 32 + t * 8 + 2 * j] = mix[i][j][0];
        mixed[warp][g][i * 32 + t * 8 + 2 * j + 1] = mix[i][j][1];
      }
    if (t == 0) tops[warp][g] = top, sums[warp][g] = sum;
  }
  __syncthreads();
  float* row_parts = parts + ((size_t)blockIdx.z * heads + kv * G) * gridDim.x * (D + 2);
  for (int i = thread; i < G * D; i += 128) {
    const int h = i / D;
    const float most = fmaxf(fmaxf(tops[0][h], tops[1][h]), fmaxf(tops[2][h], tops[3][h]));
    float all = 0, numbers = 0;
#pragma unroll
    for (int j = 0; j < 4; j++) {
      const float factor = exp2f((tops[j][h] - most) * scale2);
      all += factor * sums[j][h];
      numbers += factor * mixed[j][h][i % D];
    }
    if (blocks == 1) {
      out[((size_t)row * heads + kv * G) * D + i] = __float2bfloat16(numbers / all);
    } else {
      float* part = row_parts + (h * gridDim.x + blockIdx.x) * (D + 2);
      part[2 + i % D] = numbers;
      if (i % D == 0) part[0] = most, part[1] = all;
    }
  }
  if (blocks == 1) return;
  // Who ends last sees what the others wrote.
  __threadfence();
  __syncthreads();
  int* counter = ended + blockIdx.z * kv_heads + kv;
  if (thread == 0) last = atomicAdd(counter, 1) == blocks - 1;
  __syncthreads();
  if (!last) return;
  __threadfence();
  if (thread == 0) *counter = 0;
  for (int i = thread; i < G * D; i += 128) {
    const float* part = row_parts + (size_t)(i / D) * gridDim.x * (D + 2);
    float most = -INFINITY, all = 0, numbers = 0;
#pragma unroll 4
    for (int at = 0; at < blocks; at++) most = fmaxf(most, __ldcg(part + at * (D + 2)));
#pragma unroll 4
    for (int at = 0; at < blocks; at++) {
      const float factor = exp2f((__ldcg(part + at * (D + 2)) - most) * scale2);
      all += factor * __ldcg(part + at * (D + 2) + 1);
      numbers += factor * __ldcg(part + at * (D + 2) + 2 + i % D);
    }
    out[((size_t)row * heads + kv * G) * D + i] = __float2bfloat16(numbers / all);
  }
}

__device__ __forceinline__ void load_four(uint32_t* to, const bf16* from) {
  const uint32_t address = (uint32_t)__cvta_generic_to_shared(from);
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3]) : "r"(address));
}

__device__ __forceinline__ void load_four_turned(uint32_t* to, const bf16* from) {
  const uint32_t address = (uint32_t)__cvta_generic_to_shared(from);
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3]) : "r"(address));
}

__device__ __forceinline__ void copy_16(bf16* to, const bf16* from) {
  const uint32_t address = (uint32_t)__cvta_generic_to_shared(to);
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(address), "l"(from));
}

// Attention of spans of many rows: each block takes 128 rows of one span and one head and goes over the pages before them; each
// of its four warps has 32 rows, so that what it reads of keys and values is used twice. Grid: (heads, tiles); 128 threads.
// tiles: [tiles] of {first row, rows, sequence, position of the first row}. Shared: the rows of queries and two pages of keys
// and of values, each row padded by eight numbers.
template <int D>
__device__ void attend_spans(bf16* out, const bf16* qkv, const bf16* keys, const bf16* values, const int4* tiles,
                             const int* tables, int table_width, int heads, int kv_heads, int window, float scale) {
  constexpr int WIDE = D + 8;  // padded, so that eight rows lie in different banks
  constexpr int TILE = 128;
  extern __shared__ __align__(16) bf16 room[];
  bf16* queries = room;
  bf16* page_keys = queries + TILE * WIDE;
  bf16* page_values = page_keys + 2 * PAGE * WIDE;
  release_next();
  await_previous();
  // Later tiles have more pages before them, and begin first.
  const int4 tile = tiles[gridDim.y - 1 - blockIdx.y];
  const int head = blockIdx.x, kv = head / (heads / kv_heads), stride = (heads + 2 * kv_heads) * D;
  const int thread = threadIdx.x, warp = thread / 32, lane = thread % 32;
  const int first = tile.w, last = first + tile.y - 1;
  const int oldest = window > 0 && first + 1 > window ? first + 1 - window : 0;
  const int* table = tables + tile.z * table_width;

  for (int i = thread; i < TILE * (D / 8); i += 128) {
    const int row = i / (D / 8), at = i % (D / 8) * 8;
    copy_16(queries + row * WIDE + at, qkv + (size_t)(tile.x + min(row, tile.y - 1)) * stride + head * D + at);
  }
  const auto fetch = [&](bf16* to, const bf16* from, int page, int slot) {
    from += ((size_t)table[page] * kv_heads + kv) * PAGE * D;
    for (int i = thread; i < PAGE * (D / 8); i += 128) {
      const int row = i / (D / 8), at = i % (D / 8) * 8;
      copy_16(to + (slot * PAGE + row) * WIDE + at, from + row * D + at);
    }
    asm volatile("cp.async.commit_group;");
  };
  const int begin = oldest / PAGE, pages = last / PAGE + 1;
  fetch(page_keys, keys, begin, 0);
  fetch(page_values, values, begin, 0);

  float mixed[2][D / 8][4];
  float tops[4], sums[4];
#pragma unroll
  for (int m = 0; m < 2; m++)
#pragma unroll
    for (int i = 0; i < D / 8; i++) mixed[m][i][0] = mixed[m][i][1] = mixed[m][i][2] = mixed[m][i][3] = 0;
#pragma unroll
  for (int h = 0; h < 4; h++) tops[h] = -INFINITY, sums[h] = 0;
  const float scale2 = scale * 1.4426950408889634f;  // exponentials are powers of two
  for (int page = begin; page < pages; page++) {
    const int slot = (page - begin) & 1;
    const bool more = page + 1 < pages;
    if (more) fetch(page_keys, keys, page + 1, slot ^ 1);
    if (more) asm volatile("cp.async.wait_group 2;");
    else asm volatile("cp.async.wait_group 1;");
    __syncthreads();
    float scores[2][8][4];
#pragma unroll
    for (int m = 0; m < 2; m++)
#pragma unroll
      for (int n = 0; n < 8; n++) scores[m][n][0] = scores[m][n][1] = scores[m][n][2] = scores[m][n][3] = 0;
    const bf16* k_from = page_keys + slot * PAGE * WIDE;
#pragma unroll
    for (int k = 0; k < D / 16; k++) {
      uint32_t query[2][4];
#pragma unroll
      for (int m = 0; m < 2; m++)
        load_four(query[m], queries + (warp * 32 + m * 16 + lane % 16) * WIDE + k * 16 + lane / 16 * 8);
#pragma unroll
      for (int n = 0; n < 8; n += 2) {
        uint32_t four[4];
        load_four(four, k_from + (n * 8 + lane % 8 + lane / 16 * 8) * WIDE + k * 16 + lane / 8 % 2 * 8);
#pragma unroll
        for (int m = 0; m < 2; m++) {
          multiply(scores[m][n], query[m], four[0], four[1]);
          multiply(scores[m][n + 1], query[m], four[2], four[3]);
        }
      }
    }
    // A thread has four rows, and of each two neighbouring columns of every eight.
    const bool hidden = page * PAGE + PAGE - 1 > first || (window > 0 && page * PAGE <= last - window);
#pragma unroll
    for (int h = 0; h < 4; h++) {
      const int m = h / 2, o = h % 2 * 2;
      const int position = first + warp * 32 + lane / 4 + 8 * h;
      if (hidden) {
        const int from = window > 0 ? position - window : -1;
#pragma unroll
        for (int n = 0; n < 8; n++)
#pragma unroll
          for (int j = 0; j < 2; j++) {
            const int key = page * PAGE + n * 8 + lane % 4 * 2 + j;
            if (key > position || key <= from) scores[m][n][o + j] = -INFINITY;
          }
      }
      float top = tops[h];
#pragma unroll
      for (int n = 0; n < 8; n++) top = fmaxf(top, fmaxf(scores[m][n][o], scores[m][n][o + 1]));
      top = fmaxf(top, __shfl_xor_sync(~0u, top, 1));
      top = fmaxf(top, __shfl_xor_sync(~0u, top, 2));
      const float base = top == -INFINITY ? 0 : top, shift = base * scale2;
      const float factor = exp2f(tops[h] * scale2 - shift);
      tops[h] = top;
      float sum = 0;
#pragma unroll
      for (int n = 0; n < 8; n++)
#pragma unroll
        for (int j = 0; j < 2; j++) {
          scores[m][n][o + j] = exp2f(scores[m][n][o + j] * scale2 - shift);
          sum += scores[m][n][o + j];
        }
      sums[h] = sums[h] * factor + sum;
#pragma unroll
      for (int i = 0; i < D / 8; i++) {
        mixed[m][i][o] *= factor;
        mixed[m][i][o + 1] *= factor;
      }
    }
    if (more) fetch(page_values, values, page + 1, slot ^ 1);
    if (more) asm volatile("cp.async.wait_group 2;");
    else asm volatile("cp.async.wait_group 0;");
    __syncthreads();
    const bf16* v_from = page_values + slot * PAGE * WIDE;
#pragma unroll
    for (int k = 0; k < PAGE / 16; k++) {
      uint32_t weights[2][4];
#pragma unroll
      for (int m = 0; m < 2; m++)
#pragma unroll
        for (int i = 0; i < 4; i++)
          weights[m][i] = pair_of(scores[m][2 * k + i / 2][i % 2 * 2], scores[m][2 * k + i / 2][i % 2 * 2 + 1]);
#pragma unroll
      for (int n = 0; n < D / 8; n += 2) {
        uint32_t four[4];
        load_four_turned(four, v_from + (k * 16 + lane % 16) * WIDE + n * 8 + lane / 16 * 8);
#pragma unroll
        for (int m = 0; m < 2; m++) {
          multiply(mixed[m][n], weights[m], four[0], four[1]);
          multiply(mixed[m][n + 1], weights[m], four[2], four[3]);
        }
      }
    }
    // The next page of keys goes where other warps may still read this one.
    __syncthreads();
  }
#pragma unroll
  for (int h = 0; h < 4; h++) {
    sums[h] += __shfl_xor_sync(~0u, sums[h], 1);
    sums[h] += __shfl_xor_sync(~0u, sums[h], 2);
    const int row = warp * 32 + lane / 4 + 8 * h;
    if (row >= tile.y) continue;
    uint32_t* to = reinterpret_cast<uint32_t*>(out + ((size_t)(tile.x + row) * heads + head) * D);
#pragma unroll
    for (int n = 0; n < D / 8; n++)
      to[n * 4 + lane % 4] = pair_of(mixed[h / 2][n][h % 2 * 2] / sums[h], mixed[h / 2][n][h % 2 * 2 + 1] / sums[h]);
  }
}

// Products of up to eight rows and a matrix, bound by the reading of the matrix: each block computes 16 outputs for all rows
// (GATED: 16 gates and the 16 values that they let through), its warps sharing the numbers of a row among them.
//
// w: [outputs][inputs] (GATED: [2 * outputs][inputs], the gates first); a: [rows][inputs], inputs a multiple of 32. The
// numbers of a row are taken in an order in which a thread's eight stand side by side: both operands alike, so that the sums
// are those of the products.
enum Into { ROWS, RESIDUAL, GATED, LOGITS };

template <int INTO>
__device__ void multiply_few(void* out, const bf16* w, const bf16* a, const float* bias, int outputs, int inputs, int rows) {
  constexpr int PARTS = INTO == GATED ? 2 : 1;
  constexpr int AHEAD = 3;  // pieces of 32 numbers that are on their way while as many are multiplied
  extern __shared__ __align__(16) float gathered[];  // [warps][PARTS][8 rows][16 outputs]
  release_next();
  const int warp = threadIdx.x / 32, warps = blockDim.x / 32, lane = threadIdx.x % 32;
  const int g = lane / 4, t = lane % 4;
  const int first = blockIdx.x * 16, pieces = inputs / 32;
  const bf16* upper[PARTS];
  const bf16* lower[PARTS];
#pragma unroll
  for (int p = 0; p < PARTS; p++) {
    upper[p] = w + (size_t)(p * outputs + min(first + g, outputs - 1)) * inputs + t * 8;
    lower[p] = w + (size_t)(p * outputs + min(first + g + 8, outputs - 1)) * inputs + t * 8;
  }
  const bf16* row = a + (size_t)min(g, rows - 1) * inputs + t * 8;
  float sums[PARTS][4];
#pragma unroll
  for (int p = 0; p < PARTS; p++) sums[p][0] = sums[p][1] = sums[p][2] = sums[p][3] = 0;

  uint4 up[PARTS][AHEAD], low[PARTS][AHEAD];
  const auto fetch = [&](int piece) {
#pragma unroll
    for (int i = 0; i < AHEAD; i++) {
      const int at = min(piece + i * warps, pieces - 1) * 32;
#pragma unroll
      for (int p = 0; p < PARTS; p++) {
        up[p][i] = __ldcs(reinterpret_cast<const uint4*>(upper[p] + at));
        low[p][i] = __ldcs(reinterpret_cast<const uint4*>(lower[p] + at));
      }
    }
  };
  // Weights do not depend on the kernel before.
  fetch(warp);
  await_previous();
  for (int piece = warp; piece < pieces; piece += AHEAD * warps) {
    uint4 b[AHEAD], ups[PARTS][AHEAD], lows[PARTS][AHEAD];
#pragma unroll
    for (int i = 0; i < AHEAD; i++)
      b[i] = *reinterpret_cast<const uint4*>(row + min(piece + i * warps, pieces - 1) * 32);
#pragma unroll
    for (int p = 0; p < PARTS; p++)
#pragma unroll
      for (int i = 0; i < AHEAD; i++) ups[p][i] = up[p][i], lows[p][i] = low[p][i];
    if (piece + AHEAD * warps < pieces) fetch(piece + AHEAD * warps);
#pragma unroll
    for (int i = 0; i < AHEAD; i++) {
      if (piece + i * warps >= pieces) break;
#pragma unroll
      for (int p = 0; p < PARTS; p++) {
        const uint32_t one[4] = {ups[p][i].x, lows[p][i].x, ups[p][i].y, lows[p][i].y};
        const uint32_t two[4] = {ups[p][i].z, lows[p][i].z, ups[p][i].w, lows[p][i].w};
        multiply(sums[p], one, b[i].x, b[i].y);
        multiply(sums[p], two, b[i].z, b[i].w);
      }
    }
  }
#pragma unroll
  for (int p = 0; p < PARTS; p++) {
    float* to = gathered + (warp * PARTS + p) * 128;
    to[(2 * t) * 16 + g] = sums[p][0];
    to[(2 * t + 1) * 16 + g] = sums[p][1];
    to[(2 * t) * 16 + g + 8] = sums[p][2];
    to[(2 * t + 1) * 16 + g + 8] = sums[p][3];
  }
  __syncthreads();
  for (int i = threadIdx.x; i < 16 * rows; i += blockDim.x) {
    const int n = first + i % 16;
    if (n >= outputs) continue;
    float total[PARTS];
#pragma unroll
    for (int p = 0; p < PARTS; p++) {
      total[p] = bias ? bias[p * outputs + n] : 0;
      for (int j = 0; j < warps; j++) total[p] += gathered[(j * PARTS + p) * 128 + i];
    }
    const size_t at = (size_t)(i / 16) * outputs + n;
    if (INTO == ROWS) static_cast<bf16*>(out)[at] = __float2bfloat16(total[0]);
    if (INTO == RESIDUAL) static_cast<float*>(out)[at] += total[0];
    if (INTO == LOGITS) static_cast<float*>(out)[at] = total[0];
    if (INTO == GATED) static_cast<bf16*>(out)[at] = __float2bfloat16(total[0] / (1 + __expf(-total[0])) * total[PARTS - 1]);
  }
}

#define MULTIPLY(NAME, INTO)                                                                                             \
  extern "C" __global__ void __launch_bounds__(256) NAME(void* out, const bf16* w, const bf16* a, const float* bias,      \
                                                         int outputs, int inputs, int rows) {                            \
    multiply_few<INTO>(out, w, a, bias, outputs, inputs, rows);                                                           \
  }
MULTIPLY(multiply_rows, ROWS)
MULTIPLY(multiply_residual, RESIDUAL)
MULTIPLY(multiply_gated, GATED)
MULTIPLY(multiply_logits, LOGITS)

#define ATTEND_ROWS(D, G)                                                                                                 \
  extern "C" __global__ void __launch_bounds__(128)                                                                       \
      attend_rows_##D##_##G(bf16* out, float* parts, int* ended, const bf16* qkv, const bf16* keys, const bf16* values,   \
                            const int4* singles, const int* tables, int table_width, int kv_heads, int window,           \
                            float scale) {                                                                               \
    attend_rows<D, G>(out, parts, ended, qkv, keys, values, singles, tables, table_width, kv_heads, window, scale);       \
  }
#define ATTEND_ROWS_OF(D) \
  ATTEND_ROWS(D, 1) ATTEND_ROWS(D, 2) ATTEND_ROWS(D, 3) ATTEND_ROWS(D, 4) ATTEND_ROWS(D, 5) ATTEND_ROWS(D, 6) ATTEND_ROWS(D, 7) ATTEND_ROWS(D, 8)
ATTEND_ROWS_OF(64)
ATTEND_ROWS_OF(128)

#define ATTEND_SPANS(D)                                                                                                  \
  extern "C" __global__ void __launch_bounds__(128)                                                                      \
      attend_spans_##D(bf16* out, const bf16* qkv, const bf16* keys, const bf16* values, const int4* tiles,              \
                       const int* tables, int table_width, int heads, int kv_heads, int window, float scale) {           \
    attend_spans<D>(out, qkv, keys, values, tiles, tables, table_width, heads, kv_heads, window, scale);                  \
  }
ATTEND_SPANS(64)
ATTEND_SPANS(128)

// Fills `count` weights with numbers that look random, of about the spread of a trained model's.
extern "C" __global__ void fill(bf16* to, unsigned long long count, unsigned long long seed, float spread) {
  for (unsigned long long i = blockIdx.x * (unsigned long long)blockDim.x + threadIdx.x; i < count;
       i += (unsigned long long)gridDim.x * blockDim.x) {
    unsigned long long z = (i + seed) * 0x9E3779B97F4A7C15ull;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    to[i] = __float2bfloat16(((float)(z >> 40) / 8388608.0f - 1.0f) * spread);
  }
}
