/** What we use of libraries that bring no types. */

declare module 'd3-flame-graph' {
  import type { FlameNode } from './flame-tree.js';

  /** A node of the tree as d3 laid it out. */
  export interface Laid {
    readonly data: FlameNode;
    readonly highlight?: boolean;
  }
  interface FlameGraph {
    (selection: unknown): void;
    width(pixels: number): FlameGraph;
    cellHeight(pixels: number): FlameGraph;
    inverted(isInverted: boolean): FlameGraph;
    minFrameSize(pixels: number): FlameGraph;
    transitionDuration(milliseconds: number): FlameGraph;
    setLabelHandler(labelOf: (node: Laid) => string): FlameGraph;
    setSearchMatch(matches: (node: Laid, term: string) => boolean): FlameGraph;
    setSearchHandler(listener: (results: readonly Laid[], sum: number, total: number) => void): FlameGraph;
    setColorMapper(colourOf: (node: Laid, original: string) => string): FlameGraph;
    onHover(listener: (node: Laid) => void): FlameGraph;
    search(term: string): void;
    clear(): void;
    resetZoom(): void;
  }
  export default function flamegraph(): FlameGraph;
}

declare module 'd3-selection' {
  import type { Laid } from 'd3-flame-graph';

  interface Selection {
    datum(data: unknown): Selection;
    call(draw: (selection: unknown) => void): Selection;
    selectAll(selector: string): Selection;
    select(selector: string): Selection;
    attr(name: string, textOf: (node: Laid) => string): Selection;
  }
  export function select(element: Element): Selection;
}
