"""What a mirror that is left running says to others, and hears from them.

Law: nothing in here changes a tree. The followers decide; this room only carries questions and
answers.

    control     the socket of a running mirror: who may ask, how, and how much
    watchdog    the sign of life that the service manager gets
    client      asking it, from another process (without trio)
    barrier     "everything that changed before now is on the destination"
    decisions   what somebody decided about a held plan
    beside      tasks that live as long as a main one
"""
