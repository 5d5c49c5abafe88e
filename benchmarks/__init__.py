"""mirrorfs beside what a user would take instead, on the same trees, in one run.

    python -m benchmarks [QUESTION ...] [--scale quick|standard|full]

Law: what is printed was measured here and now, and is told apart from noise; what could not be
measured is named.

    questions/  one file for each question
    scale       how large everything is
    trees       what is mirrored
    places      where, and that nothing is left behind
    peers       beside whom
    measure     wall time, processor, memory, system calls of a command or a service
    contest     contenders that mirror once, side by side
    live        services, and waiting until the destination shows a change
    figures     samples, ratios, verdicts; pure
    answer      what a question found
    facts       about the machine
    report      answers as text
    charts      answers as pictures
    publish     both into the documents
    parts/      the journal, the watcher and the view by themselves
"""
