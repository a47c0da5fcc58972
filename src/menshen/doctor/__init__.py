"""What is wrong with an installation, and what to do about it.

A package beside ``node`` and not in it: it looks at everything that a node uses (files, database, Envoy, platforms),
and so is above all of them, but it runs no node and changes nothing, so that neither needs the other. One module a
check; what each can find is declared beside it (:class:`~menshen.doctor.finding.Trouble`), and the documentation is
made from that.
"""
