import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { compressed } from './build/compressed.ts';
import { contractRoutes } from './build/contract-routes.ts';
import { icons } from './build/icons.ts';

/** The server that a page under development, or a preview of the built page, talks to. */
const api = process.env['BERTH_API'] ?? 'http://127.0.0.1:8080';
const proxy = { '/api': { target: api, ws: true, xfwd: true } };

/** The same as the server sends: what it refuses has to be noticed here. */
const policy = [
  "default-src 'self'",
  "img-src 'self' data:",
  "object-src 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "form-action 'self'",
].join('; ');

export default defineConfig({
  plugins: [contractRoutes(), icons(), react(), compressed()],
  build: {
    target: 'es2023',
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 600,
    reportCompressedSize: true,
    manifest: true,
  },
  css: { preprocessorOptions: { scss: { quietDeps: true, silenceDeprecations: ['import', 'if-function'] } } },
  server: { host: '127.0.0.1', proxy },
  preview: { host: '127.0.0.1', proxy, headers: { 'content-security-policy': policy } },
});
