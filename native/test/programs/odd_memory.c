/* Memory that programs seldom have, of known size: `odd_memory KIND [KIND ...]`. Prints "ready" when all of it is there and waits; ends with
 * 77 where the machine has none of that kind. All sizes are pages of 4 KiB times a prime.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE ((size_t)4096)

static void *check(void *at, const char *what) {
  if (at != MAP_FAILED) return at;
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(77);
}

static char *map(size_t bytes, int protection, int flags, int fd) {
  return check(mmap(NULL, bytes, protection, flags, fd, 0), "mmap");
}

static void touch(char *at, size_t bytes) {
  for (size_t i = 0; i < bytes; i += PAGE) at[i] = 1;
}

static int file(const char *path, size_t bytes) {
  int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
  if (fd < 0 || ftruncate(fd, (off_t)bytes) != 0) exit(77);
  return fd;
}

static void shared_anonymous(void) { touch(map(1801 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1), 1801 * PAGE); }

static void memfd(void) {
  int fd = memfd_create("tensors", MFD_CLOEXEC);
  if (fd < 0 || ftruncate(fd, (off_t)(2803 * PAGE)) != 0) exit(77);
  touch(map(2803 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd), 2803 * PAGE);
}

static void sysv(void) {
  int id = shmget(IPC_PRIVATE, 1301 * PAGE, IPC_CREAT | 0600);
  if (id < 0) exit(77);
  char *at = check(shmat(id, NULL, 0), "shmat");
  shmctl(id, IPC_RMID, NULL);
  touch(at, 1301 * PAGE);
}

static void shm(void) {
  char name[64];
  snprintf(name, sizeof name, "/dev/shm/odd-memory-%d", getpid());
  int fd = file(name, 1103 * PAGE);
  unlink(name);
  touch(map(1103 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd), 1103 * PAGE);
}

/* A model that somebody replaced meanwhile: read all over, the first pages written. In TMPDIR. */
static void deleted(void) {
  const char *folder = getenv("TMPDIR");
  char name[512];
  snprintf(name, sizeof name, "%s/weights-%d.gguf", folder ? folder : "/tmp", getpid());
  int fd = file(name, 1709 * PAGE);
  char page[4096];
  memset(page, 7, sizeof page);
  for (int i = 0; i < 1709; i++)
    if (pwrite(fd, page, sizeof page, (off_t)i * 4096) != 4096) exit(77);
  unlink(name);
  char *at = map(1709 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd);
  unsigned sum = 0;
  for (size_t i = 0; i < 1709 * PAGE; i += PAGE) sum += (unsigned char)at[i];
  if (sum != 1709 * 7) exit(1);
  touch(at, 101 * PAGE);
}

/* Two of 2 MiB. */
static void hugetlb(void) {
  touch(map((size_t)4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1), (size_t)4 << 20);
}

/* 60,000 mappings of a page each: neighbours of equal rights would be one. */
static void many(void) {
  char *at = map(60000 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  touch(at, 60000 * PAGE);
  for (size_t i = 1; i < 60000; i += 2)
    if (mprotect(at + i * PAGE, PAGE, PROT_READ) != 0) exit(77);
}

/* A block that malloc mapped, and one in its heap, both written out. */
static void swapped(void) {
  char *mapped = malloc(5003 * PAGE);
  for (int i = 0; i < 2003; i++) memset(malloc(8176), 3, 8176);
  memset(mapped, 3, 5003 * PAGE);
  char *page = mapped - ((size_t)mapped & (PAGE - 1));
  if (madvise(page, 5003 * PAGE, 21 /* MADV_PAGEOUT */) != 0) exit(77);
}

/* Code that a compiler makes at run time; nobody else knows whose it is. */
static void code(void) { touch(map(7001 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1), 7001 * PAGE); }

/* As programs with secrets: /proc then belongs to root. */
static void secretive(void) { prctl(PR_SET_DUMPABLE, 0); }

static const struct {
  const char *name;
  void (*make)(void);
} KINDS[] = {{"anonymous", shared_anonymous}, {"memfd", memfd}, {"sysv", sysv},       {"shm", shm},   {"deleted", deleted},
             {"hugetlb", hugetlb},            {"many", many},   {"swapped", swapped}, {"code", code}, {"secretive", secretive}};

int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    size_t kind = 0;
    while (kind < sizeof KINDS / sizeof *KINDS && strcmp(KINDS[kind].name, argv[i]) != 0) kind++;
    if (kind == sizeof KINDS / sizeof *KINDS) return 2;
    KINDS[kind].make();
  }
  puts("ready");
  fflush(stdout);
  for (;;) pause();
}
