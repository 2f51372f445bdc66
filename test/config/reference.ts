import { environmentName, OPTIONS } from '../../src/config/options.ts'
import { rangeOf } from '../../src/config/value.ts'

/**
 * The part of docs/configuration.md that says what the table of keys says: one heading per group,
 * one entry per key.
 */
export function reference(): string {
  const groups = [...new Set(OPTIONS.map(({ key }) => key.split('.')[0] ?? ''))]
  return groups.map((group) => `### ${group}\n\n${groupEntries(group).join('\n')}`).join('\n')
}

function groupEntries(group: string): string[] {
  return OPTIONS.filter(({ key }) => key === group || key.startsWith(`${group}.`)).map((option) => {
    const byDefault = option.default === '' ? 'empty' : `\`${option.default}\``
    const flag = 'flag' in option ? `, \`${option.flag}\`` : ''
    return [
      `**\`${option.key}\`**: ${option.meaning}  `,
      `*Default* ${byDefault} · *range* ${rangeOf(option.type)} · \`${environmentName(option.key)}\`${flag}  `,
      `*When to change:* ${option.change}`,
      '',
    ].join('\n')
  })
}
