import type { Command } from 'commander';

/** The manual page of a command line in man(7)'s macros: each command with its options, as `--help` has them. */
export function renderManual(program: Command, version: string): string {
  const name = program.name();
  return [
    `.TH ${name.toUpperCase()} 8 "" "${name} ${version}" "System administration"`,
    '.SH NAME',
    `${name} \\- ${escape(program.description())}`,
    '.SH SYNOPSIS',
    `.B ${name}`,
    '.I command',
    '[options]',
    '.SH COMMANDS',
    ...program.commands.flatMap((command) => sectionOf(command, name)),
    '.SH FILES',
    ...files.flatMap(([path, text]) => ['.TP', `.I ${escape(path)}`, escape(text)]),
    '.SH SEE ALSO',
    '.BR docker (1),',
    '.BR systemctl (1)',
    '',
  ].join('\n');
}

const files = [
  ['/etc/kubernetes/manifests', 'pods and what serves them: drop a file, a pod runs'],
  ['/var/lib/kubelet', 'state and volumes'],
  ['/etc/default/podwright', 'flags of the service'],
  ['/run/podwright/podwright.sock', 'the local API, for root'],
] as const;

function sectionOf(command: Command, parent: string): readonly string[] {
  const name = `${parent} ${command.name()}`;
  const words = command.registeredArguments.map((one) => (one.required ? `<${one.name()}>` : `[${one.name()}]`));
  return [
    `.SS ${escape([name, ...words].join(' '))}`,
    escape(command.description()),
    ...command.options.flatMap(({ flags, description }) => ['.TP', `.B ${escape(flags)}`, escape(description)]),
    ...command.commands.flatMap((inner) => sectionOf(inner, name)),
  ];
}

/** Backslashes and dashes mean something to troff, and so do dots and quotes at the beginning of a line. */
function escape(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll(/^([.'])/gm, '\\&$1');
}
