import { vi } from 'vitest';
import { ANSIBLE_DRIVER } from './drivers.ts';
import { testVerify } from './verify-suite.ts';

// Each call starts Ansible, which takes a second on an idle machine and several on a busy one.
vi.setConfig({ testTimeout: 90_000 });
testVerify(ANSIBLE_DRIVER);
