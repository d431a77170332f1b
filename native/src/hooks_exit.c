/* Where a program ends: when main returns or exit is called it begins to take itself apart, and what is still allocated
 * then is what the profile should show. */
#include <unistd.h>

#include "hooks.h"
#include "process.h"
#include "symbols.h"

static int (*real_main)(int, char **, char **);

static int main_then_freeze(int argc, char **argv, char **envp) {
  int status = real_main(argc, argv, envp);
  mp_process_freeze();
  return status;
}

typedef int (*start_main)(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void),
                          void (*fini)(void), void (*rtld_fini)(void), void *stack_end);

MP_HOOK int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void),
                              void (*fini)(void), void (*rtld_fini)(void), void *stack_end) {
  start_main real = (start_main)mp_symbol("__libc_start_main");
  real_main = main;
  return real(main_then_freeze, argc, argv, init, fini, rtld_fini, stack_end);
}

MP_HOOK __attribute__((noreturn)) void exit(int status) {
  mp_process_freeze();
  void (*real)(int) = (void (*)(int))mp_symbol("exit");
  if (real) real(status);
  _exit(status);
}
