/* Holds argv[1] blocks, from 64 call sites and as deep as 32 calls, frees and takes them again argv[2] times, then prints what the
 * sampler's own mappings have resident, in bytes, by /proc/self/smaps: "store", "library" and "anonymous". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char text[1 << 20];

static __attribute__((noinline)) void *deep(int depth, size_t bytes) {
  void *volatile block = depth > 0 ? deep(depth - 1, bytes) : malloc(bytes);
  return block;
}

#define SITE(n) \
  case n: return deep(n / 2, 24);
#define SITES(n) SITE(n) SITE(n + 1) SITE(n + 2) SITE(n + 3) SITE(n + 4) SITE(n + 5) SITE(n + 6) SITE(n + 7)
static void *take(int which) {
  switch (which % 64) {
    SITES(0) SITES(8) SITES(16) SITES(24) SITES(32) SITES(40) SITES(48) SITES(56)
  }
  return NULL;
}

/* By system calls and without the C library's buffers: what is measured must not change. */
static void print_resident(void) {
  size_t used = 0;
  FILE *smaps = fopen("/proc/self/smaps", "re");
  if (!smaps) return;
  used = fread(text, 1, sizeof text - 1, smaps);
  fclose(smaps);
  text[used] = 0;
  unsigned long store_bytes = 0, library_bytes = 0, anonymous_bytes = 0, rss_kib = 0, library_end = 0;
  enum { OTHER, STORE, LIBRARY, UNNAMED } kind = OTHER;
  for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
    unsigned long start, end;
    char name[256] = "";
    if (sscanf(line, "%lx-%lx %*s %*s %*s %*s %255s", &start, &end, name) >= 2) {
      kind = strstr(name, ".store") ? STORE : strstr(name, "libmemprof.so") ? LIBRARY : name[0] ? OTHER : UNNAMED;
      if (kind == UNNAMED && start == library_end) kind = LIBRARY; /* its .bss */
      if (kind == LIBRARY) library_end = end;
    }
    sscanf(line, "Rss: %lu kB", &rss_kib);
    if (strncmp(line, "VmFlags:", 8) != 0) continue;
    if (kind == STORE) store_bytes += rss_kib * 1024;
    if (kind == LIBRARY) library_bytes += rss_kib * 1024;
    if (kind == UNNAMED && strstr(line, " dd") && strstr(line, " nr")) anonymous_bytes += rss_kib * 1024;
  }
  printf("{\"store\":%lu,\"library\":%lu,\"anonymous\":%lu}\n", store_bytes, library_bytes, anonymous_bytes);
}

int main(int argc, char **argv) {
  int count = argc > 1 ? atoi(argv[1]) : 100000, turns = argc > 2 ? atoi(argv[2]) : 1;
  void **blocks = calloc((size_t)count, sizeof *blocks);
  for (int turn = 0; turn <= turns; turn++) {
    for (int i = 0; i < count; i++) {
      free(blocks[i]);
      blocks[i] = take(i + turn);
    }
  }
  print_resident();
  fflush(stdout);
  _exit(0); /* the store shows the moment of the figures */
}
