/** Variables of one machine of a run. */
export type Variables = Readonly<Record<string, string | number>>;

/**
 * An inventory of machines with their variables, as YAML. Every text is marked `!unsafe`: Ansible takes it as it is and
 * never as a template, whatever it holds.
 */
export function inventoryText(machines: ReadonlyMap<string, Variables>): string {
  const lines = ['all:', '  hosts:'];
  for (const [name, variables] of machines) {
    lines.push(`    ${quoted(name)}:`);
    for (const [variable, value] of Object.entries(variables)) {
      lines.push(`      ${quoted(variable)}: ${typeof value === 'number' ? value : `!unsafe ${quoted(value)}`}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

/** A double-quoted YAML scalar in plain ASCII. */
function quoted(text: string): string {
  const escaped = Array.from(text, (character) => {
    if (/[ !#-[\]-~]/.test(character)) return character;
    return `\\U${(character.codePointAt(0) ?? 0).toString(16).padStart(8, '0')}`;
  });
  return `"${escaped.join('')}"`;
}
