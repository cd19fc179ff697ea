import tseslint from 'typescript-eslint';

/** Modules with effects: files that decide (`plan`, `render`, `status`) must not import them. */
const effects = [
  'node:fs',
  'node:fs/promises',
  'node:child_process',
  'node:net',
  'node:http',
  'execa',
  'dockerode',
  'chokidar',
];

export default tseslint.config(
  { ignores: ['dist', 'coverage', 'node_modules', '**/*_pb.*'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: new URL('..', import.meta.url).pathname },
    },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/unified-signatures': 'off',
      'no-console': 'error',
    },
  },
  {
    files: ['{agent,cni,proxy}/**/{plan,render,status,*-plan,*-render,*-status}.ts'],
    rules: { 'no-restricted-imports': ['error', { paths: effects }] },
  },
  {
    files: ['agent/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ regex: '(cni|proxy)/(?!index\\.ts)', message: "Import another folder's index.ts only." }] },
      ],
    },
  },
  { files: ['test/**/*.ts'], rules: { 'no-console': 'off', '@typescript-eslint/no-non-null-assertion': 'off' } },
);
