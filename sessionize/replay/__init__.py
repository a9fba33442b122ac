"""A replay, planned before it is run: which hours, why, and what stands on them.

``steps`` are what a plan is made of; ``plan`` decides; ``look`` asks the lake and the raw objects;
``explain`` says it in words and ``execute`` does it. ``rehearse`` does it on a lake that is thrown
away; ``differences`` finds what comes out otherwise, and ``announce`` says so.
"""
