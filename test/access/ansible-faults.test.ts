import { vi } from 'vitest';
import { testDriverFaults } from './driver-faults.ts';
import { ANSIBLE_DRIVER } from './drivers.ts';

// Each call starts Ansible, which takes a second on an idle machine and several on a busy one.
vi.setConfig({ testTimeout: 90_000 });
testDriverFaults(ANSIBLE_DRIVER);
