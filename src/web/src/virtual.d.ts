declare module 'virtual:berth-icons' {
  export const outlines: Record<import('./components/icon-names.ts').IconName, readonly string[]>;
}
