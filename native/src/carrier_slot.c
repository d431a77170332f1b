/* Finds the word of the isolate that V8's Set/GetContinuationPreservedEmbedderData mean. Its offset is another in every version (0x240
 * on Node 22, 0x278 on 24, 0x2a8 on 26) and is not exported, but the functions are: four numbers that nothing else has are set
 * one after the other, and only the word that follows every time can be it. */
#include "carrier.h"
#include "peek.h"
#include "symbols.h"

#define SEARCHED_BYTES 8192u
#define WORDS (SEARCHED_BYTES / 8)
#define TRIALS 4
#define FIRST_NUMBER 0x5a110000u
#define STEP 0x1007

typedef uint64_t *(*getter)(void *isolate); /* a handle: where the word is, or a copy of it */
typedef void (*setter)(void *isolate, void *handle);

static bool find_functions(getter *get, setter *set) {
  *get = mp_symbol("_ZN2v87Isolate38GetContinuationPreservedEmbedderDataV2Ev");
  *set = mp_symbol("_ZN2v87Isolate38SetContinuationPreservedEmbedderDataV2ENS_5LocalINS_4DataEEE");
  if (*get && *set) return true;
  *get = mp_symbol("_ZN2v87Isolate36GetContinuationPreservedEmbedderDataEv");
  *set = mp_symbol("_ZN2v87Isolate36SetContinuationPreservedEmbedderDataENS_5LocalINS_5ValueEEE");
  return *get && *set;
}

const uint64_t *mp_carrier_find_slot(void *isolate, void *(*make_smi)(uint32_t value)) {
  getter get;
  setter set;
  if (!isolate || !find_functions(&get, &set) || !mp_peek_range((uintptr_t)isolate, SEARCHED_BYTES)) return NULL;
  const volatile uint64_t *words = isolate;
  bool possible[WORDS];
  int left = WORDS, found = -1;
  for (int i = 0; i < (int)WORDS; i++) possible[i] = true;
  void *former = get(isolate);
  for (int trial = 0; trial < TRIALS; trial++) {
    void *handle = make_smi(FIRST_NUMBER + (uint32_t)trial * STEP);
    if (!handle) left = 0;
    if (left == 0) break;
    set(isolate, handle);
    uint64_t expected = *(const uint64_t *)handle;
    left = 0;
    for (int i = 0; i < (int)WORDS; i++) {
      possible[i] = possible[i] && words[i] == expected;
      if (!possible[i]) continue;
      left++;
      found = i;
    }
  }
  set(isolate, former);
  return left == 1 ? (const uint64_t *)isolate + found : NULL;
}
