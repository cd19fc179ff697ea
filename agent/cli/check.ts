import { Command } from 'commander';

/** `podwright check` */
export function command(): Command {
  return new Command('check').description('say what this host lacks to run pods, and how to get it');
}
