/** As much of a command as a shell needs to complete it. */
export interface CommandShape {
  readonly name: string;
  readonly description: string;
  /** With the dashes. */
  readonly flags: readonly string[];
  readonly commands: readonly CommandShape[];
}

/**
 * A completion script for bash: commands, their flags, and names of files for anything else. In zsh it works behind
 * `bashcompinit`.
 */
export function renderCompletion(shell: 'bash' | 'zsh', program: CommandShape): string {
  const { name } = program;
  const head = shell === 'zsh' ? `#compdef ${name}\nautoload -U +X bashcompinit && bashcompinit\n` : '';
  return `${head}# ${shell} completion for ${name}: source <(${name} completion ${shell})
_${name}() {
  local current=\${COMP_WORDS[COMP_CWORD]} path= words= word
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in -*) ;; *) path="$path $word" ;; esac
  done
  case \${path# } in
${casesOf(program, '')}
  esac
  [ -z "$words" ] || COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _${name} ${name}
`;
}

/** A branch for each path of commands; the longer ones first, since a pattern takes what follows it too. */
function casesOf(command: CommandShape, path: string): string {
  const inner = command.commands.map((one) => casesOf(one, path === '' ? one.name : `${path} ${one.name}`));
  const words = [...command.commands.map(({ name }) => name), ...command.flags].sort().join(' ');
  const pattern = path === '' ? "''" : `'${path}'*`;
  return [...inner, `    ${pattern}) words='${words}' ;;`].join('\n');
}
