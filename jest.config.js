const jestJupyterLab = require('@jupyterlab/testing/lib/jest-config');

// Packages published as ES modules only: jest has to transform them.
const esModules = [
  '@codemirror',
  '@jupyter-widgets',
  '@jupyter/react-components',
  '@jupyter/web-components',
  '@jupyter/ydoc',
  '@jupyterlab/',
  '@marijn',
  '@microsoft/fast',
  '@rjsf',
  'exenv-es6',
  'lib0',
  'marked',
  'nanoid',
  'uuid',
  'vscode-ws-jsonrpc',
  'y-protocols',
  'y-websocket',
  'yjs'
].join('|');

const base = jestJupyterLab(__dirname);

module.exports = {
  ...base,
  collectCoverageFrom: [
    'src/**/*.{ts,tsx}',
    '!src/**/*.spec.{ts,tsx}',
    '!src/**/testing.ts'
  ],
  coverageReporters: ['text'],
  passWithNoTests: true,
  reporters: ['default'],
  roots: ['<rootDir>/src'],
  testPathIgnorePatterns: ['/lib/', '/node_modules/'],
  testRegex: 'src/.*\\.spec\\.tsx?$',
  transform: {
    ...base.transform,
    '^.+\\.tsx?$': ['ts-jest/legacy', { tsconfig: './tsconfig.json' }]
  },
  transformIgnorePatterns: [`/node_modules/(?!${esModules}).+`]
};
