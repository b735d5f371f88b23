import { isUtf8 } from 'node:buffer';
import { SaxesParser } from 'saxes';
import { MnsFailure } from './errors.js';

/** An element of a request. It has children or text, never both: MNS has no mixed content. */
export interface XmlElement {
  name: string;
  text: string;
  children: XmlElement[];
}

/** `Messages > Message > UserProperties > PropertyValue > Value` is the deepest request there is. */
const deepest = 5;

/**
 * Parses a request body. Namespaces are not looked at, since SDKs send three different ones.
 * @throws MnsFailure MalformedXML for anything that is not well-formed UTF-8 XML, has a DOCTYPE, mixes text
 * and elements, or is nested deeper than any request.
 */
export function parseRequestXml(body: Buffer): XmlElement {
  if (!isUtf8(body)) throw new MnsFailure('MalformedXML');
  const top: XmlElement = { name: '', text: '', children: [] };
  const open: XmlElement[] = [top];
  const parser = new SaxesParser({ position: false });
  const refuse = (): never => {
    throw new MnsFailure('MalformedXML');
  };
  const append = (text: string): void => {
    const element = open.at(-1);
    if (element !== undefined) element.text += text;
  };
  parser.on('error', refuse);
  parser.on('doctype', refuse);
  parser.on('text', append);
  parser.on('cdata', append);
  parser.on('opentag', (tag) => {
    const element: XmlElement = { name: tag.name, text: '', children: [] };
    open.at(-1)?.children.push(element);
    if (open.push(element) > deepest + 1) refuse();
  });
  parser.on('closetag', () => {
    const element = open.pop();
    if (element !== undefined && element.children.length > 0 && element.text.trim() !== '') refuse();
  });
  parser.write(body.toString('utf8')).close();
  return top.children[0] ?? refuse();
}

/** The text of the first child called `name`, if there is one. */
export function childText(element: XmlElement, name: string): string | undefined {
  return element.children.find((child) => child.name === name)?.text;
}

/** All children of the first child called `name`. */
export function grandChildren(element: XmlElement, name: string): XmlElement[] {
  return element.children.find((child) => child.name === name)?.children ?? [];
}

/**
 * The name of the root element, after a byte order mark, a prolog and comments; empty where there is none.
 */
export function rootElement(xml: string): string {
  let at = 0;
  for (;;) {
    at += /^[\ufeff\s]*/.exec(xml.slice(at, at + 64))?.[0].length ?? 0;
    const [start, end] = xml.startsWith('<!--', at) ? ['<!--', '-->'] : ['<?', '?>'];
    if (!xml.startsWith(start, at)) break;
    const close = xml.indexOf(end, at + start.length);
    if (close < 0) return '';
    at = close + end.length;
  }
  return /^<([^\s/>]*)/.exec(xml.slice(at, at + 64))?.[1] ?? '';
}
