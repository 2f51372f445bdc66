import { MAX_SUM } from '../runtime/saturating-sum.ts'

/** SQL that adds the incoming value of a column to the stored one, and stops at 2^63-1. */
export function saturatingAdd(column: string): string {
  return `${column} = CASE WHEN ${column} > ${MAX_SUM} - excluded.${column} THEN ${MAX_SUM} ELSE ${column} + excluded.${column} END`
}
