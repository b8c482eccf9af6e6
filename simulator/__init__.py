"""The costs of ``models`` found by executing: engines that advance clocks through a schedule.

An engine sees a schedule, a fabric and the cost of a message, and nothing else; no algorithm has a name
here. The round engine is vectorised over ranks and parameter samples, the SimPy engine is the readable
reference; both count integer ticks and agree bit for bit.
"""
