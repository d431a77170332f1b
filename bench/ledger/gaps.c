/* What a ledger reading does to the program that is read: `gaps MIB OPERATIONS`.
 *
 * Holds MIB of small pages. One thread maps, touches and unmaps blocks, which needs the lock of the address space for writing: the kernel holds
 * it for reading while it walks a mapping's pages for smaps. Another one touches fresh pages of a big mapping: page faults. Prints for each, as
 * JSON, the operations, the longest and how many took more than 20 ms; time that a thread waited for a processor (schedstat) does not count.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PAGE ((size_t)4096)
#define BLOCK (8 * PAGE)
#define STALL_NS 20000000L

static size_t operations;

typedef struct {
  const char *name;
  void (*work)(size_t);
  long longest_ns;
  long stalls;
  double cpu_ms;
} Worker;

static long now_ns(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return t.tv_sec * 1000000000L + t.tv_nsec;
}

/* The second number of schedstat: nanoseconds that the thread could have run and did not. */
static long waited_ns(int schedstat) {
  char text[128];
  ssize_t length = pread(schedstat, text, sizeof text - 1, 0);
  if (length <= 0) return 0;
  text[length] = 0;
  char *second = strchr(text, ' ');
  return second ? strtol(second, NULL, 10) : 0;
}

static void map_and_unmap(size_t i) {
  (void)i;
  char *at = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) exit(1);
  for (size_t page = 0; page < BLOCK; page += PAGE) at[page] = 1;
  munmap(at, BLOCK);
}

static char *big;
static size_t big_pages;

static void fault(size_t i) {
  char *at = big + (8 * i % big_pages) * PAGE;
  madvise(at, 8 * PAGE, MADV_DONTNEED);
  for (size_t page = 0; page < 8; page++) at[page * PAGE] = 1;
}

static void *run(void *argument) {
  Worker *worker = argument;
  int schedstat = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
  long waited = waited_ns(schedstat);
  long began = now_ns(CLOCK_MONOTONIC);
  long cpu_began = now_ns(CLOCK_THREAD_CPUTIME_ID);
  for (size_t i = 0; i < operations; i++) {
    worker->work(i);
    long ended = now_ns(CLOCK_MONOTONIC);
    /* The file is read for long operations alone: those before it that waited were short. */
    if (ended - began > STALL_NS / 20) {
      long more = waited_ns(schedstat);
      long took = ended - began - (more - waited);
      waited = more;
      if (took > worker->longest_ns) worker->longest_ns = took;
      if (took > STALL_NS) worker->stalls++;
      ended = now_ns(CLOCK_MONOTONIC);
    } else if (i % 1024 == 0) {
      waited = waited_ns(schedstat);
      ended = now_ns(CLOCK_MONOTONIC);
    }
    began = ended;
  }
  worker->cpu_ms = (double)(now_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_began) / 1e6;
  return NULL;
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  big_pages = strtoul(argv[1], NULL, 10) * 256; /* of 4 KiB a MiB, a multiple of 8 */
  operations = strtoul(argv[2], NULL, 10);
  big = mmap(NULL, big_pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (big == MAP_FAILED) return 1;
  madvise(big, big_pages * PAGE, MADV_NOHUGEPAGE);
  for (size_t page = 0; page < big_pages; page++) big[page * PAGE] = 1;
  puts("ready");
  fflush(stdout);

  Worker workers[] = {{.name = "map", .work = map_and_unmap}, {.name = "fault", .work = fault}};
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, run, &workers[i]);
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  printf("{");
  for (int i = 0; i < 2; i++)
    printf("\"%s\":{\"longestMs\":%.3f,\"stalls\":%ld,\"cpuMs\":%.3f},", workers[i].name, (double)workers[i].longest_ns / 1e6,
           workers[i].stalls, workers[i].cpu_ms);
  printf("\"operations\":%zu}\n", operations);
  return 0;
}
