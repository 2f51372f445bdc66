import { execFile } from 'node:child_process'
import { access, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The newest release of which Maven Central has broker, clients and tools: 4.4.0 lacks the tools. */
const KAFKA_VERSION = '4.3.1'

/** No Kafka on this machine and none to be had: no Java, no Maven, no network. */
class KafkaUnavailable extends Error {}

/**
 * Folder with the jars of Kafka's broker and tools, for `java -cp 'FOLDER/*'`. Installed on first
 * use with Maven (about 10 s, 55 MB) into `$XDG_CACHE_HOME/snimeter/kafka-<version>`, by default
 * below `~/.cache`. Without Java or Maven the test is skipped and `undefined` is given; in CI
 * (`CI=true`) the test fails instead.
 */
export async function kafkaJars(t: TestContext): Promise<string | undefined> {
  try {
    return await installKafka()
  } catch (error) {
    if (!(error instanceof KafkaUnavailable) || process.env['CI'] === 'true') throw error
    t.skip(error.message)
    return undefined
  }
}

/** The jars come into a temporary folder that is then renamed, so half a set is never found. */
async function installKafka(): Promise<string> {
  await run('java', ['-version']).catch((error: unknown) => {
    throw new KafkaUnavailable('Kafka needs a Java runtime: `java -version` failed', {
      cause: error,
    })
  })
  const base = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache')
  const cache = join(base, 'snimeter')
  const folder = join(cache, `kafka-${KAFKA_VERSION}`)
  if (await exists(folder)) return folder
  await mkdir(cache, { recursive: true })
  const fresh = await mkdtemp(join(cache, `kafka-${KAFKA_VERSION}-part-`))
  try {
    await copyJars(fresh)
    await rename(join(fresh, 'jars'), folder).catch(async (error: unknown) => {
      // Somebody else was faster: theirs is as good.
      if (!(await exists(folder))) throw error
    })
    return folder
  } catch (error) {
    throw new KafkaUnavailable(`Kafka ${KAFKA_VERSION} could not be installed: ${reason(error)}`, {
      cause: error,
    })
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

/** Longest time for the download; beyond it the network is as good as absent. */
const INSTALL_TIMEOUT_MS = 240_000

async function copyJars(folder: string): Promise<void> {
  const pom = join(folder, 'pom.xml')
  await writeFile(pom, POM)
  const goal = ['dependency:copy-dependencies', `-DoutputDirectory=${join(folder, 'jars')}`]
  await run('mvn', ['-B', '-q', '-f', pom, ...goal], { timeout: INSTALL_TIMEOUT_MS })
}

/** Maven says what went wrong on stdout, in its first line that is an error. */
function reason(error: unknown): string {
  const stdout = (error as { stdout?: string }).stdout ?? ''
  const line = stdout.split('\n').find((line) => line.startsWith('[ERROR]'))
  return line ?? (error instanceof Error ? error.message : String(error))
}

/** Without a binding for slf4j Kafka 4 logs nothing, and nobody knows when it has started. */
const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>snimeter</groupId>
  <artifactId>test-kafka</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    ${dependency('org.apache.kafka', 'kafka_2.13', KAFKA_VERSION)}
    ${dependency('org.apache.kafka', 'kafka-tools', KAFKA_VERSION)}
    ${dependency('org.apache.logging.log4j', 'log4j-slf4j-impl', '2.25.5')}
  </dependencies>
</project>
`

function dependency(groupId: string, artifactId: string, version: string): string {
  const coordinates = { groupId, artifactId, version }
  const tags = Object.entries(coordinates).map(([tag, text]) => `<${tag}>${text}</${tag}>`)
  return `<dependency>${tags.join('')}</dependency>`
}
