/*
 * xterm writes <style> elements and style attributes, which a strict content security policy refuses. The same rules come
 * into force by the doors that the policy leaves open to scripts: constructed style sheets and the style object.
 */

/** From now until the answer is called, style and span elements that are made obey the policy. One at a time. */
export function obeyPolicy(): () => void {
  const create = Document.prototype.createElement;
  document.createElement = ((tag: string, options?: ElementCreationOptions) => {
    if (tag === 'style') return sheetElement();
    const element = create.call(document, tag, options);
    if (tag === 'span') element.setAttribute = setAttributePolitely;
    return element;
  }) as typeof document.createElement;
  return () => {
    // The one of the prototype shows again.
    Reflect.deleteProperty(document, 'createElement');
  };
}

/** Takes rules as a style element does, and gives them to a constructed sheet. */
function sheetElement(): HTMLElement {
  const element = Document.prototype.createElement.call(document, 'span');
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets.push(sheet);
  element.hidden = true;
  Object.defineProperty(element, 'textContent', { set: (rules: string) => sheet.replaceSync(rules) });
  element.remove = () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== sheet);
    Element.prototype.remove.call(element);
  };
  return element;
}

function setAttributePolitely(this: HTMLElement, name: string, value: string): void {
  if (name === 'style') this.style.cssText = value;
  else Element.prototype.setAttribute.call(this, name, value);
}
