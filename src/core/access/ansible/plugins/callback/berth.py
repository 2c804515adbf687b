"""Tells Berth, as one line of JSON each on file descriptor 3, what became of each machine of a run."""

import json
import os

from ansible.module_utils.common.text.converters import to_text
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = '''
    name: berth
    type: stdout
    short_description: tells Berth what became of each machine
    description: Writes lines of JSON to file descriptor 3.
'''


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = 'stdout'
    CALLBACK_NAME = 'berth'

    def __init__(self):
        super().__init__()
        self._failures = {}
        self._told = set()

    def v2_runner_on_ok(self, result):
        if 'berth_finished' in result._result.get('ansible_facts', {}):
            self._tell(result._host.get_name(), 'finished')

    def v2_runner_on_failed(self, result, ignore_errors=False):
        if ignore_errors:
            return
        if result._task.action == 'berth_script':
            # Its answer is in the file, and tells why.
            self._tell(result._host.get_name(), 'answered')
        else:
            # A rescue may still follow.
            self._failures[result._host.get_name()] = self._words(result)

    def v2_runner_on_unreachable(self, result):
        if result._task.action == 'berth_script':
            self._tell(result._host.get_name(), 'answered')
        else:
            self._tell(result._host.get_name(), 'failed', **self._words(result))

    def v2_playbook_on_stats(self, stats):
        for machine in stats.processed:
            if stats.summarize(machine)['failures'] > 0:
                self._tell(machine, 'failed', **self._failures.get(machine, {}))
            else:
                self._tell(machine, 'finished')

    def _words(self, result):
        message = result._result.get('msg') or result._result.get('censored') or ''
        return {'task': to_text(result._task.get_name())[:200], 'message': to_text(message)[:2000]}

    def _tell(self, machine, event, **words):
        if machine in self._told:
            return
        self._told.add(machine)
        os.write(3, (json.dumps({'machine': machine, 'event': event, **words}) + '\n').encode())
