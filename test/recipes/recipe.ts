import { readFileSync } from 'node:fs'

const TEXT = readFileSync(new URL('../../docs/recipes.md', import.meta.url), 'utf8')

/** Text of a chapter of docs/recipes.md. */
export function chapterOf(chapter: string): string {
  const [, body] = TEXT.split(`\n## ${chapter}\n`)
  if (body === undefined) throw new Error(`docs/recipes.md has no chapter ${chapter}`)
  const [text = ''] = body.split('\n## ')
  return text
}

/** Value of a line `name=value` in a chapter. */
export function propertyOf(chapter: string, name: string): string {
  const line = chapterOf(chapter)
    .split('\n')
    .find((line) => line.startsWith(`${name}=`))
  if (line === undefined) throw new Error(`the chapter ${chapter} sets no ${name}`)
  return line.slice(name.length + 1)
}

/** Statements of all SQL blocks in a chapter of docs/recipes.md, in order, as they stand there. */
export function recipe(chapter: string): string[] {
  return [...chapterOf(chapter).matchAll(/```sql\n([^]*?)```/g)].flatMap(([, sql = '']) =>
    sql
      .split(/;\n/)
      .map((statement) => statement.trim())
      .filter((statement) => statement !== ''),
  )
}
