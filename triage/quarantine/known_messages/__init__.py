"""Known messages: copies of decided messages in the real queue, whose answers tell reviewers how sharp they are. Never delivered."""
