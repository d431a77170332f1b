/* An ELF file laid out in memory as the loader would, for reading only. */
#ifndef MEMPROF_ELF_IMAGE_H
#define MEMPROF_ELF_IMAGE_H

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../src/cfi.h"
#include "check.h"

static inline struct mp_cfi_table elf_image(const char *path) {
  ElfW(Ehdr) header;
  ElfW(Phdr) segments[64];
  int fd = open(path, O_RDONLY);
  CHECK(fd >= 0 && pread(fd, &header, sizeof header, 0) == sizeof header && header.e_phnum <= 64);
  CHECK(pread(fd, segments, header.e_phnum * sizeof *segments, (off_t)header.e_phoff) > 0);
  uintptr_t low = UINTPTR_MAX, high = 0, hdr = 0;
  for (int i = 0; i < header.e_phnum; i++) {
    if (segments[i].p_type == PT_GNU_EH_FRAME) hdr = segments[i].p_vaddr;
    if (segments[i].p_type != PT_LOAD) continue;
    if (segments[i].p_vaddr < low) low = segments[i].p_vaddr;
    if (segments[i].p_vaddr + segments[i].p_memsz > high) high = segments[i].p_vaddr + segments[i].p_memsz;
  }
  CHECK(hdr != 0);
  char *image = mmap(NULL, high - low, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(image != MAP_FAILED);
  for (int i = 0; i < header.e_phnum; i++) {
    /* Code is not read, and node's is large. */
    if (segments[i].p_type != PT_LOAD ||
        (segments[i].p_flags & PF_X &&
         !(segments[i].p_vaddr <= hdr && hdr < segments[i].p_vaddr + segments[i].p_memsz)))
      continue;
    CHECK(pread(fd, image + segments[i].p_vaddr - low, segments[i].p_filesz, (off_t)segments[i].p_offset) ==
          (ssize_t)segments[i].p_filesz);
  }
  close(fd);
  uintptr_t start = (uintptr_t)image;
  return (struct mp_cfi_table){start + hdr - low, start, start + high - low};
}

#endif
