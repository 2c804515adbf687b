import { vi } from 'vitest';
import { testDriver } from './driver-suite.ts';
import { ANSIBLE_DRIVER } from './drivers.ts';

// Each call starts Ansible, which takes a second on an idle machine and several on a busy one.
vi.setConfig({ testTimeout: 90_000 });
testDriver(ANSIBLE_DRIVER);
