"""Runs Berth's script for this machine and leaves the answer in a file for Berth.

The script and its order go to the standard input of a command that is always the same, so that nothing of them shows in
arguments, on this side or on the machine, and no Python is needed there. The answer goes into a file because the
task itself is censored (no_log).
"""

import json
import os
import random
import re
import time

from ansible.errors import AnsibleConnectionFailure
from ansible.module_utils.common.text.converters import to_bytes, to_text
from ansible.plugins.action import ActionBase

# What SSH says when another attempt is of no use, or could lock the login user out. All else is tried again, which the scripts
# allow for: servers drop logins when many come at once, and a removal may end those that are under way beside it.
FINAL = re.compile(
    r'permission denied|incorrect password|too many authentication|host key verification|identification has changed'
    r'|refused|timed out|no route to host|unreachable|resolve',
    re.I,
)
ATTEMPTS = 10


class ActionModule(ActionBase):
    TRANSFERS_FILES = False

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        with open(task_vars['berth_input_file'], 'rb') as file:
            script = file.read()
        try:
            answer = self._ask(to_text(task_vars['berth_command']), script)
        except AnsibleConnectionFailure as error:
            self._leave(task_vars, {'lost': self._words(error)[-2000:]})
            raise
        except BaseException as error:  # Ansible's time limit is no Exception
            self._leave(task_vars, {'stopped': type(error).__name__})
            raise
        lines = dict(re.findall(r'^berth: ([a-z_]+) ?(.*?)\r?$', answer['stdout'], re.M))
        self._leave(task_vars, {**answer, 'at': time.time()})
        result.update(failed='done' not in lines, uid=lines.get('uid'), outcome=lines.get('outcome'))
        return result

    def _ask(self, command, script):
        for attempt in range(1, ATTEMPTS + 1):
            try:
                answer = self._low_level_execute_command(command, in_data=script)
                return {name: answer[name][:65536] for name in ('stdout', 'stderr')}
            except AnsibleConnectionFailure as error:
                if attempt == ATTEMPTS or FINAL.search(self._words(error)):
                    raise
                time.sleep(attempt * random.uniform(0.05, 0.25))

    @staticmethod
    def _words(error):
        # Ansible's own advice goes before what SSH says.
        return to_text(error).split('reached over ssh:')[-1].strip()

    @staticmethod
    def _leave(task_vars, answer):
        path = to_text(task_vars['berth_answer_file'])
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 'wb') as file:
            file.write(to_bytes(json.dumps(answer)))
