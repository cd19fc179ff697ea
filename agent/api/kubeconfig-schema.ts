import { z } from 'zod';
import { boolean, string } from '../config/fields.ts';
import { execSchema } from './exec-config.ts';

/*
 * The `Config` of `client-go/tools/clientcmd/api/v1/types.go`: the fields that podwright acts on, and those it must refuse
 * because a connection without them would be another one than the file asks for. Other fields are ignored, as client-go does.
 */

const present = z.unknown().optional();

const clusterSchema = z.object({
  server: string,
  'tls-server-name': string,
  'insecure-skip-tls-verify': boolean,
  'certificate-authority': string,
  'certificate-authority-data': string,
  'proxy-url': string,
});

const userSchema = z.object({
  'client-certificate': string,
  'client-certificate-data': string,
  'client-key': string,
  'client-key-data': string,
  token: string,
  tokenFile: string,
  username: string,
  password: string,
  as: string,
  exec: execSchema.nullable().optional(),
  'auth-provider': present,
});

const contextSchema = z.object({ cluster: string, user: string, namespace: string });

const list = <T extends z.ZodType>(entry: T): z.ZodOptional<z.ZodNullable<z.ZodArray<T>>> =>
  z.array(entry).nullable().optional();

export const kubeconfigSchema = z.object({
  apiVersion: z.literal('v1').nullable().optional(),
  kind: z.literal('Config').nullable().optional(),
  'current-context': string,
  clusters: list(z.object({ name: z.string(), cluster: clusterSchema.nullable().optional() })),
  users: list(z.object({ name: z.string(), user: userSchema.nullable().optional() })),
  contexts: list(z.object({ name: z.string(), context: contextSchema.nullable().optional() })),
});

export type KubeconfigFields = z.infer<typeof kubeconfigSchema>;
export type ClusterFields = z.infer<typeof clusterSchema>;
export type UserFields = z.infer<typeof userSchema>;
