type Child = Node | string | undefined | false;
type Attributes = Readonly<Record<string, string | number | boolean | ((event: Event) => void) | undefined>>;

/**
 * Makes an element. Texts become text nodes: no name of the program is ever markup. Functions are listeners, `true` an empty attribute.
 */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function s<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[K] {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
}

function fill<E extends Element>(element: E, attributes: Attributes, children: readonly Child[]): E {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (typeof value === 'function') element.addEventListener(name, value);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children.filter((child) => child !== undefined && child !== false));
  return element;
}

/** Colours through the object model: the page's policy allows no style attributes. */
export function tinted<E extends HTMLElement | SVGElement>(element: E, property: string, value: string): E {
  element.style.setProperty(property, value);
  return element;
}

/** One of several: buttons of which one is pressed. */
export function choice<T extends string>(
  label: string,
  options: readonly { readonly value: T; readonly title: string; readonly hint?: string }[],
  chosen: T,
  onChoose: (value: T) => void,
): HTMLElement {
  const buttons = options.map(({ value, title, hint }) =>
    h(
      'button',
      {
        type: 'button',
        'aria-pressed': value === chosen ? 'true' : 'false',
        title: hint,
        click: () => {
          for (const [at, button] of buttons.entries())
            button.setAttribute('aria-pressed', options[at]?.value === value ? 'true' : 'false');
          onChoose(value);
        },
      },
      title,
    ),
  );
  return h('div', { class: 'choice', role: 'group', 'aria-label': label }, ...buttons);
}

/** A part of the page. Its address is its title: `#flame-graph`. */
export function card(title: string, tools: readonly Child[], ...body: readonly Child[]): HTMLElement {
  return h(
    'section',
    { class: 'card', id: title.toLowerCase().replaceAll(' ', '-') },
    h('div', { class: 'bar' }, h('h2', {}, title), h('div', { class: 'tools' }, ...tools)),
    ...body,
  );
}
