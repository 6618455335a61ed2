"""The ``_trace`` that HELLO, READY and RESUMED carry: a JSON text in a list of one."""

TRACE = ['["gateway-dcgw-sandbox-0",{"micros":0.0}]']
