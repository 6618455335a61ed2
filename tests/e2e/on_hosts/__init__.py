"""Workers on several hosts: folders of this machine, or machines with addresses of their own."""
