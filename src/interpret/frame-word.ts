import {
  FRAME_ADDRESS_MASK,
  FRAME_FUNCTION_MASK,
  FRAME_FUNCTION_SHIFT,
  FRAME_GENERATION_MASK,
  FRAME_GENERATION_SHIFT,
  FRAME_JS,
  FRAME_JS_APPROX,
  FRAME_JS_INLINED,
  FRAME_V8_CODE,
} from '../recording/wire.js';

/** A frame word of the store, taken apart: native/src/wire.h draws it. */
export type Frame =
  | {
      readonly kind: 'js';
      readonly functionIndex: number;
      /** UTF-16 units from the start of the script; -1 where unknown. */
      readonly position: number;
      readonly isApproximate: boolean;
      /** Inlined into the next frame up. */
      readonly isInlined: boolean;
    }
  | {
      readonly kind: 'native';
      /** A return address: the call is before it. */
      readonly address: bigint;
      readonly generation: number;
      readonly isV8Code: boolean;
    };

export function decodeFrame(word: bigint): Frame {
  if ((word & FRAME_JS) !== 0n) {
    return {
      kind: 'js',
      functionIndex: Number((word >> FRAME_FUNCTION_SHIFT) & FRAME_FUNCTION_MASK),
      position: Number(word & 0xffff_ffffn) - 1,
      isApproximate: (word & FRAME_JS_APPROX) !== 0n,
      isInlined: (word & FRAME_JS_INLINED) !== 0n,
    };
  }
  return {
    kind: 'native',
    address: word & FRAME_ADDRESS_MASK,
    generation: Number((word >> FRAME_GENERATION_SHIFT) & FRAME_GENERATION_MASK),
    isV8Code: (word & FRAME_V8_CODE) !== 0n,
  };
}
