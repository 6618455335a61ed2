"""The replay server: a process that reads the journals and answers what subscribers missed."""
