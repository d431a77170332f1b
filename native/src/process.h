/* The process: whether to sample at all, and what happens to that at start, at fork and at the end. */
#ifndef MEMPROF_PROCESS_H
#define MEMPROF_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

enum mp_state {
  MP_STATE_EARLY, /* before our constructor */
  MP_STATE_OFF,   /* not wanted here, or not possible */
  MP_STATE_ON
};

extern enum mp_state mp_state;

static inline enum mp_state mp_process_state(void) { return __atomic_load_n(&mp_state, __ATOMIC_ACQUIRE); }

/* Starts sampling if it is wanted and possible; does nothing the second time. Our constructor calls it, and what needs it before. */
void mp_process_start(void);

/* Notices that this is a forked child, however it was made, and gives it a store of its own. Call inside mp_enter only.
 * False while another thread does that: nothing may be recorded yet. */
bool mp_process_check_fork(void);

/* From here on nothing is recorded: the program takes itself apart. */
void mp_process_freeze(void);

/* Nothing is recorded between the two: for a mode in which the sampler could not live. */
void mp_process_stop(void);
void mp_process_resume(void);

#endif
