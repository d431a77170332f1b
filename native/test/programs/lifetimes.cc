// Allocates before main and after it, and while threads end: constructors, destructors, atexit, thread_local objects,
// thread-specific data. What each frees, another one allocated.
#include <pthread.h>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

static long balance;
static void *kept[100];

static void give(int count) {
  for (int i = 0; i < count; i++) {
    std::free(kept[i]);
    kept[i] = std::malloc(3001 + i);
    balance++;
  }
}

__attribute__((constructor(101))) static void first() { give(100); }
__attribute__((constructor)) static void second() { give(50); }
__attribute__((destructor)) static void last() {
  give(100);
  std::printf("last %ld\n", balance);
  std::fflush(stdout);
  for (void *block : kept) std::free(block);
}

struct Global {
  std::vector<std::string> lines = std::vector<std::string>(200, std::string(1000, 'x'));
  ~Global() {
    for (auto &line : lines) line += std::string(1000, 'y');
    std::printf("global %zu\n", lines[199].size());
  }
} global;

struct PerThread {
  std::vector<char *> blocks;
  ~PerThread() {
    for (char *&block : blocks) {
      delete[] block;
      block = new char[2003];
    }
    for (char *block : blocks) delete[] block;
  }
};
static thread_local PerThread mine;
static pthread_key_t key;

// Sets itself again: the library calls destructors in rounds.
static void on_key(void *value) {
  auto *left = static_cast<int *>(value);
  if (*left > 0) {
    auto *fewer = new int(*left - 1);
    pthread_setspecific(key, fewer);
  }
  delete left;
}

static void work() {
  pthread_setspecific(key, new int(3));
  for (int i = 0; i < 50; i++) mine.blocks.push_back(new char[1009]);
}

int main() {
  pthread_key_create(&key, on_key);
  std::atexit([] { give(70); });
  for (int i = 0; i < 200; i++) std::thread(work).join();
  work();
  std::printf("main %ld\n", balance);
  return 0;
}
