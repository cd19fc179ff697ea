export { exec, ExecFailure, type Exec, type ExecRequest, type ExecResult } from './util/exec.ts';
export { writeFileAtomic } from './util/atomic-file.ts';
