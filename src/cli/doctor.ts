import type { Command } from 'commander'
import { addDoctorLive } from './doctor-live.ts'
import { addDoctorMesh } from './doctor-mesh.ts'
import { addDoctorProxy } from './doctor-proxy.ts'
import { DOCTOR_HELP, MESH_EXAMPLE } from './doctor-report.ts'
import type { Surroundings } from './surroundings.ts'

/** `doctor` and what it looks at; each reports findings in one form, exit 0 for none and 1 for some. */
export function addDoctor(program: Command, surroundings: Surroundings): void {
  const doctor = program
    .command('doctor')
    .description('say what is wrong with how a mesh reports, and how to mend it')
    .addHelpText('after', `\n${DOCTOR_HELP}\n\nExample:\n  ${MESH_EXAMPLE}`)
  for (const add of [addDoctorMesh, addDoctorProxy, addDoctorLive]) add(doctor, surroundings)
}
