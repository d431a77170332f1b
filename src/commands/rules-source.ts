import type { Recogniser } from '../model/recognise.js';
import { createRecogniser } from '../rules/recogniser.js';
import { SHIPPED_RULES } from '../rules/shipped/index.js';

/** The rules that arenas are recognised by. */
export function loadRecogniser(): Recogniser {
  return createRecogniser(SHIPPED_RULES);
}
