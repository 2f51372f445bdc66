import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { nearestTo } from '../../src/query/nearest.ts'
import { openReader } from '../../src/query/reader.ts'
import { whyNoTotals } from '../../src/query/why-empty.ts'
import { openDatabase } from '../../src/store/database.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'

test('the nearest names have the glob in them, or most of its letters; what has nothing of it is not named', () => {
  const names = ['www.example.com', 'api.example.com', 'cdn.example.net', 'github.com', '']
  assert.deepEqual(nearestTo('example.com', names), [
    'www.example.com',
    'api.example.com',
    'cdn.example.net',
  ])
  assert.deepEqual(nearestTo('*.exmaple.net', names).slice(0, 1), ['cdn.example.net'])
  assert.equal(nearestTo('GitHub.com', names)[0], 'github.com')
  assert.deepEqual(nearestTo('zzz*', names), [])
  assert.deepEqual(nearestTo('*?', names), [])
})

test('a name that the glob is a part of is found among many newer ones', (t) => {
  const path = join(temporaryFolder(t), 'file.db')
  const database = openDatabase(path)
  database.exec(`
    INSERT INTO destination VALUES (1, 'old.photos.example', 'sni');
    WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n LIMIT 60000)
    INSERT INTO destination SELECT i, 'photo-' || i || '.example.com', 'sni' FROM n;
    INSERT INTO pair_total VALUES (1, 1, 5, 6, 1, 1, 1000, 61000);`)
  database.close()
  const reader = openReader(path)
  t.after(() => reader.close())
  assert.match(
    whyNoTotals(reader, { sni: 'Photos.example' }),
    /^no name matches "Photos\.example" \(near it: old\.photos\.example, .*\)\. The file has usage from 1970-01-01T00:00:01Z to 1970-01-01T00:01:01Z$/,
  )
})
