// memprof.h's C++ side: scopes end where blocks and exceptions end, arenas are released when they go, also after moves.
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "../../include/memprof.h"

static const memprof::pool kv("kv-cache", 1000003); // before main
static std::vector<void *> kept;
static void keep(size_t bytes) { kept.push_back(std::malloc(bytes)); }

static void decode() {
  memprof::arena arena(kv);
  memprof::arena_scope inside(arena);
  memprof::scope decoding{memprof::stage("decode")};
  keep(100003);
  throw std::runtime_error("stop");
}

int main() {
  kept.reserve(64);
  try {
    decode();
  } catch (const std::exception &) {
    keep(100019);
  }
  memprof::arena second(kv);
  memprof::arena moved(std::move(second));
  {
    memprof::scope inside(moved);
    keep(100043);
    std::thread([] { keep(100049); }).join(); // a new thread is in no arena
  }
  moved = memprof::arena(kv);
  moved.release();
  kv.hit();
  kv.miss(2);
  memprof::heap slab("slab");
  static char storage[1000];
  slab.alloc(storage, 503);
  slab.alloc(storage + 503, 101);
  slab.free(storage + 503);
  std::printf("%zu blocks\n", kept.size());
}
