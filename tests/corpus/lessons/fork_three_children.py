#!/usr/bin/python
# -*- coding: utf-8 -*-
import os

children = []
for i in range(3):
    pid = os.fork()
    if pid == 0:
        os._exit(i * 10)
    children.append(pid)

codes = []
for pid in children:
    p, status = os.waitpid(pid, 0)
    codes.append(os.WEXITSTATUS(status))
print("exit codes:", codes)
