/* A program that knows what it holds at every moment: `checkpoints FILE [SECONDS]`. Three threads allocate and free at random blocks of
 * four sizes each, and count in a shared file, which survives kill -9, how many of each size are live. `busy` is set around each call:
 * a thread that is killed there has one block more or one less than its count says.
 *
 * FILE: u64 pid, written last at the start; then for each of 12 sizes: u64 size, u64 live, u64 busy. */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 3, SIZES = 4 };
struct checkpoint {
  uint64_t size_bytes;
  _Atomic uint64_t live, busy;
};
struct truth {
  _Atomic uint64_t pid;
  struct checkpoint at[THREADS][SIZES];
};
static struct truth *truth;

/* Primes: nobody else allocates these. */
static const uint64_t size_of[THREADS][SIZES] = {{61, 1009, 8191, 65537}, {67, 1013, 8209, 65539}, {71, 1019, 8219, 65543}};
static const uint64_t usual[SIZES] = {20000, 3000, 400, 60};
/* Of 100 calls: small blocks are the common ones. */
static const uint64_t up_to[SIZES] = {80, 95, 99, 100};

/* A call site for each size, which the reader tells apart by their stacks; the constant keeps the compiler from making one of them. */
#define KEEP(n)                                                    \
  static __attribute__((noinline)) void *keep_##n(uint64_t bytes) { \
    __asm__ volatile("" ::"i"(n));                                 \
    void *block = malloc(bytes);                                   \
    __asm__ volatile("" : "+r"(block)); /* no tail call */         \
    return block;                                                  \
  }
KEEP(0) KEEP(1) KEEP(2) KEEP(3)
static void *(*const keep[SIZES])(uint64_t) = {keep_0, keep_1, keep_2, keep_3};

static void *work(void *argument) {
  uint64_t thread = (uint64_t)(uintptr_t)argument;
  uint64_t random = 88172645463325252ull ^ ((uint64_t)getpid() << 20) ^ (thread + 1);
  void **blocks[SIZES];
  for (int i = 0; i < SIZES; i++) blocks[i] = calloc(2 * usual[i] + 1, sizeof(void *));
  for (;;) {
    random ^= random << 13, random ^= random >> 7, random ^= random << 17;
    uint64_t draw = random % 100, which = 0;
    while (draw >= up_to[which]) which++;
    struct checkpoint *at = &truth->at[thread][which];
    uint64_t live = at->live;
    int grow = (random >> 32) % (2 * usual[which]) >= live;
    atomic_store(&at->busy, 1);
    if (grow) {
      blocks[which][live] = keep[which](at->size_bytes);
      atomic_store(&at->live, live + 1);
    } else {
      uint64_t victim = (random >> 16) % live;
      free(blocks[which][victim]);
      blocks[which][victim] = blocks[which][live - 1];
      atomic_store(&at->live, live - 1);
    }
    atomic_store(&at->busy, 0);
  }
  return NULL;
}

int main(int argc, char **argv) {
  int fd = argc > 1 ? open(argv[1], O_RDWR | O_CREAT, 0600) : -1;
  if (fd < 0 || ftruncate(fd, sizeof *truth) != 0) return 1;
  truth = mmap(NULL, sizeof *truth, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (truth == MAP_FAILED) return 1;
  for (int t = 0; t < THREADS; t++) {
    for (int i = 0; i < SIZES; i++) truth->at[t][i].size_bytes = size_of[t][i];
  }
  for (uintptr_t t = 0; t < THREADS; t++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, work, (void *)t) != 0) return 1;
  }
  atomic_store(&truth->pid, (uint64_t)getpid());
  sleep(argc > 2 ? (unsigned)atoi(argv[2]) : 60); /* nobody killed us: the test has failed */
  _Exit(9);
}
