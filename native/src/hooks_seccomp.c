/* seccomp's strict mode allows four system calls and not even the time stamp counter: the sampler ends before it begins. A
 * filter is another matter; process.c sees to those. */
#include <linux/seccomp.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hooks.h"
#include "process.h"
#include "symbols.h"

typedef int (*prctl_function)(int option, ...);

MP_HOOK int prctl(int option, ...) {
  unsigned long values[4];
  va_list list;
  va_start(list, option);
  for (int i = 0; i < 4; i++) values[i] = va_arg(list, unsigned long); /* the kernel takes as many, whatever was passed */
  va_end(list);
  prctl_function real = (prctl_function)mp_symbol("prctl");
  bool strict = option == PR_SET_SECCOMP && values[0] == SECCOMP_MODE_STRICT;
  if (strict) mp_process_stop();
  int result = real ? real(option, values[0], values[1], values[2], values[3])
                    : (int)syscall(SYS_prctl, option, values[0], values[1], values[2], values[3]);
  if (strict && result != 0) mp_process_resume();
  return result;
}
