"""The replay door: a process that answers what subscribers missed where journals lie on several
hosts. It asks the hosts' replay servers, and makes one answer of theirs."""
